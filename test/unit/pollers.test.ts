import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { isAsking } from '../../src/client/pollers.js';
import { workerName } from '../../src/engine/index.js';

const asked = (identity: string, agoMs = 0) => isAsking({ identity, askedMs: Date.now() - agoMs });

test('a worker that asked within the last minute asks; one of this host that has ended since does not', async () => {
  const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const name = `${hostname()}-${worker.pid}`;
  expect(asked(name)).toBe(true);
  expect(asked(name, 70_000)).toBe(false);
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  expect(asked(name)).toBe(false);
  expect(asked(workerName())).toBe(true);
});

test('what nobody on this host can tell counts as alive', async () => {
  const ended = spawn(process.execPath, ['-e', '']);
  await once(ended, 'exit');
  for (const name of [`elsewhere-${ended.pid}`, `${hostname()}-other-${ended.pid}`, `${hostname()}-`, ''])
    expect(asked(name), name).toBe(true);
});
