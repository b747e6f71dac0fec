/**
 * A worker of the built product, as the command line hosts it, until it is killed. Its calls carry the time at which
 * they left.
 */
import { openEngine } from '../dist/engine/index.js';
import { createNightshift } from '../dist/index.js';
import { startWorker } from '../dist/worker.js';

const [state, taskQueue, leftAt] = process.argv.slice(2);
const send = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set(leftAt, String(Date.now()));
  return send(input, { ...init, headers });
};

const { config } = createNightshift({ state, taskQueue });
const engine = await openEngine({ stateDir: state, onProgress: (line) => console.error(line) });
const worker = await startWorker({
  config,
  engine,
  log: { level: 'ERROR', write: (line) => console.error(line) },
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
await worker.done;
