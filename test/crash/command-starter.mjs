/**
 * A worker to be killed: starts one session, says so, and stays. Arguments: options, request and state directory,
 * each as JSON.
 */
import { setInterval } from 'node:timers';
import { command } from '../../dist/activities/providers/command/provider.js';

const [options, request, stateDir] = process.argv.slice(2).map((text) => JSON.parse(text));
const provider = await command.create({
  options: command.options.parse(options),
  stateDir,
  secret: (text) => text,
});
const context = {
  save: async () => undefined,
  signal: { aborted: false, throwIfAborted: () => undefined },
  now: () => new Date(),
};
await provider.start(request, undefined, context);
process.stdout.write('started\n');
setInterval(() => undefined, 60_000);
