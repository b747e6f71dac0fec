// Programs whose host sleeps: real programs, on a clock that jumps while they stand still.
import { existsSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Provider, SessionProgress } from '../../src/activities/providers/provider.js';
import { bench, sh, until } from './command-fixture.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

/** The host sleeps. */
const sleepFor = (ms: number) => vi.setSystemTime(Date.now() + ms);

/** A program that says a word, and then works in silence. Its timeout is an hour. */
async function aSession(more: object = {}) {
  const options = { command: sh('echo x; exec sleep 600'), ...more };
  const night = await bench(options, { deadlineAt: new Date(Date.now() + HOUR).toISOString() });
  const handle = await night.provider.start(night.request, undefined, night.context);
  const look = (provider: Provider = night.provider) => provider.poll(handle, night.context);
  await until(
    () => existsSync(night.fileOf('stdout')) && statSync(night.fileOf('stdout')).size > 0,
    'a word',
  );
  return {
    ...night,
    look,
    /** It is awake for so long, and looked at every half minute. @returns what the last look said */
    async awakeFor(ms: number, provider?: Provider): Promise<SessionProgress> {
      let last = await look(provider);
      for (let left = ms; left > 0; left -= MINUTE / 2) {
        vi.setSystemTime(Date.now() + MINUTE / 2);
        last = await look(provider);
      }
      return last;
    },
    /** Of a process that begins now. */
    async later(): Promise<Provider> {
      vi.resetModules();
      const { command } = await import('../../src/activities/providers/command/provider.js');
      const { stateDir } = night;
      return command.create({ options: command.options.parse(options), stateDir, secret: (text) => text });
    },
    cancel: () => night.provider.cancel(handle, night.context),
    /** What it was stopped by, if it was. */
    stopped: (): unknown =>
      existsSync(night.fileOf('cancel')) ? JSON.parse(night.read('cancel')) : undefined,
  };
}

test('a host that slept for longer than `quiet` stops nothing when it wakes; silence counts anew from then', async () => {
  const session = await aSession({ quiet: '15m' });
  await session.awakeFor(5 * MINUTE);
  sleepFor(20 * MINUTE);
  expect(await session.look()).toMatchObject({ kind: 'running', sleptMs: 20 * MINUTE });
  await session.awakeFor(14 * MINUTE);
  expect(session.stopped()).toBeUndefined();
  await session.awakeFor(2 * MINUTE);
  expect(session.stopped()).toMatchObject({
    reason: 'quiet',
    message: 'the program wrote nothing for 900 s and was stopped',
  });
  await session.cancel();
});

test('a session has the time left that it had when its host fell asleep, and says so when that is over', async () => {
  const session = await aSession();
  await session.awakeFor(5 * MINUTE);
  sleepFor(5 * HOUR);
  await session.awakeFor(50 * MINUTE);
  expect(session.stopped()).toBeUndefined();
  await session.awakeFor(6 * MINUTE);
  expect(session.stopped()).toMatchObject({
    reason: 'deadline',
    message:
      'the session ran longer than its timeout, not counting 5 h in which its host slept, and was stopped',
  });
  await session.cancel();
});

test('so it is for a process that begins after the sleep', async () => {
  const session = await aSession();
  await session.awakeFor(5 * MINUTE);
  sleepFor(5 * HOUR);
  await session.look();
  const later = await session.later();
  expect(await session.look(later)).toMatchObject({ kind: 'running', sleptMs: 5 * HOUR });
  await session.awakeFor(MINUTE, later);
  sleepFor(HOUR);
  expect(await session.look(later)).toMatchObject({ kind: 'running', sleptMs: 6 * HOUR });
  expect(await session.look(), 'the one from before sees the same').toMatchObject({ sleptMs: 6 * HOUR });
  expect(session.stopped()).toBeUndefined();
  await session.cancel();
});

test('time in which no worker looked is a session’s own; its silence is not, for the host may have slept', async () => {
  const session = await aSession({ quiet: '15m' });
  sleepFor(20 * MINUTE);
  const later = await session.later();
  const progress = await session.awakeFor(10 * MINUTE, later);
  expect(progress).not.toHaveProperty('sleptMs');
  expect(session.stopped()).toBeUndefined();
  vi.setSystemTime(Date.now() + 31 * MINUTE);
  vi.resetModules();
  await session.look(await session.later());
  expect(session.stopped()).toMatchObject({
    reason: 'deadline',
    message: 'the session ran longer than its timeout and was stopped',
  });
  await session.cancel();
});
