// What verbs say of a worker that is not there, or not yet, or no more.
import { expect, test } from 'vitest';
import { scheduleTrigger } from '../../src/cli/schedule-nights.js';
import { shown } from '../../src/cli/follow.js';
import { serve } from '../../src/cli/serve.js';
import type { Shell } from '../../src/cli/shell.js';
import type { Nightshift } from '../../src/client/nightshift.js';
import { WatchStopped } from '../../src/client/watch-stopped.js';

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

/** A shell that hears a SIGTERM when it is told to stop. */
function stoppable() {
  const stopping = new AbortController();
  const { shell, said } = hearing({});
  const during = <T>(work: (signal: AbortSignal) => T): T => work(stopping.signal);
  const out = { ...shell.out, live: () => undefined, endLive: () => undefined };
  return {
    shell: { ...shell, out, interrupts: { during } } as unknown as Shell,
    said,
    stop: () => stopping.abort('SIGTERM'),
  };
}

test('a worker that stops promises of sessions no more than is true of programs, too', async () => {
  const { shell, said, stop } = stoppable();
  const host = async () => {
    setImmediate(stop);
    return { done: new Promise(() => undefined), stop: async () => undefined };
  };
  await serve({ host } as unknown as Nightshift, 'ready', shell);
  expect(said).toContain(
    'stopping: nothing new is taken, what is in hand ends; sessions at a service go on by themselves, programs unless they are stopped with this process',
  );
});

test('so does a run that carried its jobs itself', async () => {
  const { shell, said, stop } = stoppable();
  const words = { name: 'nightly', resume: () => '', again: 'nightshift run b.yaml', watch: '' };
  await shown(words, shell, async ({ onSnapshot }) => {
    onSnapshot({ hosting: true, counts: { running: 2 }, active: [], troubled: [], waitsFor: [] } as never);
    stop();
    throw new WatchStopped(true);
  });
  expect(said.slice(-2)).toEqual([
    'stopping: nothing new starts; 2 jobs are under way: sessions at a service go on by themselves, programs unless they are stopped with this process; the next start picks them up',
    'go on with: nightshift run b.yaml',
  ]);
});
