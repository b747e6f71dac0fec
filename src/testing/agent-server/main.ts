/**
 * The agent server as a process of its own: `node main.js --seed 7 --port 0 --file server.db --speed 720 --profile
 * night --fault '{"do":"throttle"}'`. Prints one JSON line when it is ready; ends on SIGINT or SIGTERM.
 */
import { parseArgs } from 'node:util';
import { startAgentServer } from './agent-server.js';
import { readAgentServerFlags } from './flags.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    port: { type: 'string' },
    file: { type: 'string' },
    speed: { type: 'string' },
    profile: { type: 'string' },
    fault: { type: 'string', multiple: true },
  },
});

const server = await startAgentServer(readAgentServerFlags(values));
const { url, geminiUrl, anthropicUrl, readyMade } = server;
process.stdout.write(`${JSON.stringify({ url, geminiUrl, anthropicUrl, readyMade, pid: process.pid })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
