// Before a script of package.json runs what is built: says what to do where an install did not come to its end, which
// would show as a module that is not found.
import { existsSync } from 'node:fs';

const root = new URL('..', import.meta.url);
// npm writes this file last; the build is the last step of an install.
const missing = ['node_modules/.package-lock.json', 'dist/cli/main.js'].filter(
  (path) => !existsSync(new URL(path, root)),
);
if (missing.length > 0) {
  console.error(
    `nightshift is not installed here (${missing.join(' and ')} missing): run "npm ci" and look at what it says; ` +
      `it needs Node 20.20 or newer (this is ${process.version}) and the network`,
  );
  process.exitCode = 78;
}
