/**
 * A worker of its own: says `ready`, publishes one effect, and says what it was told.
 * Argument: JSON with { adapter, options, target, cacheDir, request, text }.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const { AbortController } = globalThis;
const { adapter, options, target, cacheDir, request, text } = JSON.parse(process.argv[2]);
const { [adapter]: module } = await import(`../../dist/activities/publishers/${adapter}/publisher.js`);
const body = Buffer.from(text);
const publisher = await module.create({
  options: module.options.parse(options),
  target,
  cacheDir,
  baseDir: cacheDir,
});
process.stdout.write('ready\n');
const found = await publisher.create(
  { ...request, body, sha256: createHash('sha256').update(body).digest('hex') },
  { signal: new AbortController().signal, now: () => new Date(), sleep: (ms) => sleep(ms) },
);
process.stdout.write(`${JSON.stringify(found)}\n`);
