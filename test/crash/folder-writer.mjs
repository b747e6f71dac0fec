/**
 * A worker to be killed, or to race with others: waits for a file to appear, then publishes `texts` to `paths`, each
 * effect again and again until it is told ours, and prints what it was told.
 * Argument: a JSON file with { base, go, effects: [{ path, request, text }] }.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { folder } from '../../dist/activities/publishers/folder/publisher.js';

const { base, go, effects } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const context = { signal: { aborted: false }, now: () => new Date() };

process.stdout.write('ready\n');
while (!existsSync(go)) await sleep(1);
for (const { path, request, text } of effects) {
  const body = Buffer.from(text);
  const whole = { ...request, body, sha256: createHash('sha256').update(body).digest('hex') };
  const publisher = await folder.create({ options: { path }, baseDir: base });
  const found = await publisher.create(whole, context);
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
