// Runs a source of this folder: `node harness/run.mjs main.ts …`. No hook of the module loader does that, for Node 20 fails
// to link some libraries of the product while one is registered.
import { createJiti } from 'jiti';

const [file] = process.argv.splice(2, 1);
await createJiti(import.meta.url, { tryNative: true }).import(`./${file}`);
