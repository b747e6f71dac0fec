/**
 * The fake destinations as a process of their own: `node main.js --seed 1 [--file state.db] [--port 0]`. Prints one
 * line of JSON with its URL once it listens; ends on SIGINT or SIGTERM. With a file, it may be killed at any moment.
 */
import { parseArgs } from 'node:util';
import { startFakeDestinations } from './index.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    file: { type: 'string' },
    port: { type: 'string', default: '0' },
  },
});
const fake = await startFakeDestinations({
  seed: values.seed,
  port: Number(values.port),
  ...(values.file !== undefined && { file: values.file }),
});
process.stdout.write(`${JSON.stringify({ url: fake.url, pid: process.pid })}\n`);
const stop = (): void => void fake.close().then(() => process.exit(0));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
