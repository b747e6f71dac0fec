// What verbs say of a worker that is not there, or not yet.
import { expect, test } from 'vitest';
import { scheduleTrigger } from '../../src/cli/schedule-nights.js';
import { serve } from '../../src/cli/serve.js';
import type { Shell } from '../../src/cli/shell.js';
import type { Nightshift } from '../../src/client/nightshift.js';

function hearing(nightshift: object): { shell: Shell; said: string[] } {
  const said: string[] = [];
  const hear = (line: string) => void said.push(line);
  const shell = {
    nightshift: async () => nightshift,
    out: { note: hear, progress: hear, result: hear },
    flags: {},
    interrupts: { during: (work: (signal: AbortSignal) => unknown) => work(new AbortController().signal) },
    command: (...words: string[]) => `nightshift ${words.join(' ')}`,
  };
  return { shell: shell as unknown as Shell, said };
}

test.each([
  [false, ['no worker runs yet, and nothing moves without one: nightshift up or nightshift worker']],
  [true, []],
])('a night that is asked for while a worker is alive (%s) says what it waits for', async (alive, notes) => {
  const asked = { kind: 'queued', workflowId: 'w', nights: ['2026-11-23T02:30'], ends: [] };
  const { shell, said } = hearing({
    schedules: { trigger: async () => asked },
    isWorkerAlive: async () => alive,
  });
  expect(await scheduleTrigger('nightly', {}, shell)).toBe(0);
  expect(said).toEqual([...notes, '1 night asked for: 2026-11-23T02:30']);
});

test('a worker is called ready when it takes work, and not before', async () => {
  const order: string[] = [];
  const host = async () => {
    order.push('the worker runs');
    return { done: Promise.resolve(), stop: async () => void order.push('stopped taking') };
  };
  const { shell, said } = hearing({});
  await serve({ host } as unknown as Nightshift, 'ready', {
    ...shell,
    out: { progress: (line: string) => order.push(line) },
  } as unknown as Shell);
  expect(order).toEqual(['the worker runs', 'ready', 'stopped taking', 'stopped']);
  expect(said).toEqual([]);
});
