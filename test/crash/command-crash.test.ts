/**
 * What must hold whatever is killed, and whenever: a session is run once, found again, or told lost, and nothing of
 * it goes on unseen. Real processes, real signals.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runPaths } from '../../src/activities/providers/command/run-directory.js';
import { spawnWrapper } from '../../src/activities/providers/command/wrapper.js';
import { bench, collected, ended, lives, sh, until, type Bench } from '../unit/command-fixture.js';

/** Writes one line per run of the program, then goes on for as long as asked. */
const counted = (rest: string) => sh(`echo run >> ../../counted; ${rest}`);
const runs = ({ stateDir }: Bench) => {
  const file = join(stateDir, 'counted');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
};
const aCountedBench = async (rest: string, options: object = {}): Promise<Bench> => {
  const night = await bench({ command: counted(rest), cwd: 'a/b', ...options });
  mkdirSync(join(night.stateDir, 'a/b'), { recursive: true });
  return night;
};
const pidOf = (night: Bench): number => (JSON.parse(night.read('pid.json')) as { pid: number }).pid;
const whenRunning = (night: Bench) =>
  until(() => existsSync(night.fileOf('pid.json')) && runs(night) > 0, 'the program runs');

test('a session outlives the worker that started it, and the next worker collects it', async () => {
  const night = await aCountedBench('sleep 3; cat');
  const starter = fileURLToPath(new URL('command-starter.mjs', import.meta.url));
  const options = { command: counted('sleep 3; cat'), cwd: 'a/b' };
  const argv = [starter, ...[options, night.request, night.stateDir].map((value) => JSON.stringify(value))];
  const worker = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(worker.stdout, 'data');
  worker.kill('SIGKILL');
  await once(worker, 'exit');

  const found = await night.provider.find(night.request, undefined, night.context);
  if (found.kind !== 'session') throw new Error(`found ${found.kind}`);
  expect(await night.provider.poll(found.handle, night.context)).toMatchObject({ kind: 'running' });
  expect(await ended(night, found.handle)).toEqual({ kind: 'succeeded' });
  expect(JSON.parse((await collected(night)).toString())).toMatchObject({ v: 1, attempt: 1 });
  expect(runs(night)).toBe(1);
});

test('twenty starts at once run the program once', async () => {
  const night = await aCountedBench('sleep 0.3; echo done');
  const workers = await Promise.all(Array.from({ length: 20 }, () => night.another()));
  const handles = await Promise.all(
    workers.map((worker) => worker.start(night.request, undefined, night.context)),
  );
  // The time is that of the claim, which a wrapper makes before it writes into it: tries may see either.
  expect(new Set(handles.map(({ sentAt: _, ...handle }) => JSON.stringify(handle))).size).toBe(1);
  for (const handle of handles) expect(await ended(night, handle)).toEqual({ kind: 'succeeded' });
  await night.provider.start(night.request, undefined, night.context); // also when it has ended
  await sleep(300);
  expect(runs(night)).toBe(1);
});

test('twenty starts at once after a crash between the directory and the spawn run the program once', async () => {
  const night = await aCountedBench('sleep 0.3; echo done');
  mkdirSync(night.fileOf('.'), { recursive: true });
  expect(await night.provider.find(night.request, undefined, night.context)).toEqual({ kind: 'none' });
  const workers = await Promise.all(Array.from({ length: 20 }, () => night.another()));
  const [handle] = await Promise.all(
    workers.map((worker) => worker.start(night.request, undefined, night.context)),
  );
  if (!handle) throw new Error('no handle');
  expect(await ended(night, handle)).toEqual({ kind: 'succeeded' });
  await sleep(300);
  expect(runs(night)).toBe(1);
});

test('of twenty wrappers of one run directory one runs the program', async () => {
  const night = await aCountedBench('echo done');
  const paths = runPaths(night.stateDir, night.request);
  mkdirSync(paths.dir, { recursive: true });
  writeFileSync(paths.stdin, '{}');
  const where = { cwd: join(night.stateDir, 'a/b'), env: { PATH: process.env['PATH'] ?? '' } };
  const command = counted('sleep 0.3; echo done');
  await Promise.all(Array.from({ length: 20 }, () => spawnWrapper(paths, command, where)));
  await until(() => existsSync(paths.exit), 'it ends');
  await sleep(300);
  expect(runs(night)).toBe(1);
});

test('what a program leaves in its group is gone when its exit code is there', async () => {
  const night = await aCountedBench('env -i sh -c "sleep 300" & echo $! > left; echo done');
  const handle = await night.provider.start(night.request, undefined, night.context);
  expect(await ended(night, handle)).toEqual({ kind: 'succeeded' });
  const left = Number(readFileSync(join(night.stateDir, 'a/b/left'), 'utf8'));
  await until(() => !lives(left), 'it is killed');
});

test('a session that was never started is given up, and a wrapper that comes late runs nothing', async () => {
  const night = await aCountedBench('echo done');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await ended(night, handle);
  const [once, other] = [await aCountedBench('echo done'), await aCountedBench('echo done')];
  for (const late of [once, other]) {
    mkdirSync(late.fileOf('out'), { recursive: true });
    writeFileSync(late.fileOf('stdin'), '{}');
  }
  const early = await once.provider.poll(handle, once.context);
  expect(early).toMatchObject({ kind: 'running', note: 'starting' });
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(once.fileOf('stdin'), longAgo, longAgo);
  expect(await once.provider.poll(handle, once.context)).toEqual({
    kind: 'lost',
    message: 'the program was never started',
  });
  await other.provider.cancel(handle, other.context);
  for (const late of [once, other]) {
    await late.provider.start(late.request, undefined, late.context);
    await sleep(200);
    expect(runs(late)).toBe(0);
    expect(await late.provider.poll(handle, late.context)).toMatchObject({ kind: 'lost' });
  }
});

test('a session whose wrapper was killed is lost, and its program does not go on unseen', async () => {
  const night = await aCountedBench('echo $$ > program; exec sleep 300');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  const program = join(night.stateDir, 'a/b/program');
  await until(
    () => existsSync(program) && readFileSync(program, 'utf8') !== '',
    'the program says who it is',
  );
  process.kill(pidOf(night), 'SIGKILL');
  expect(await ended(night, handle)).toMatchObject({ kind: 'lost' });
  expect(lives(Number(readFileSync(program, 'utf8')))).toBe(false);
});

test('a session whose whole group was killed is lost, and stays so', async () => {
  const night = await aCountedBench('echo half; exec sleep 300');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  process.kill(-pidOf(night), 'SIGKILL');
  expect(await ended(night, handle)).toMatchObject({ kind: 'lost' });
  await night.provider.start(night.request, undefined, night.context);
  expect(await ended(night, handle)).toMatchObject({ kind: 'lost' });
  expect(runs(night)).toBe(1);
});

test('a group that is asked to end still leaves its exit code', async () => {
  const night = await aCountedBench('exec sleep 300');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  process.kill(-pidOf(night), 'SIGTERM');
  expect(await ended(night, handle)).toMatchObject({ kind: 'failed', errorClass: 'transient' });
  expect(night.read('exit')).toContain('"rc":143');
});

test('a program that ignores SIGTERM is killed after its grace, and all it started with it', async () => {
  const script = `trap '' TERM INT HUP
    sh -c "trap '' TERM; while :; do sleep 1; done" & echo $! >> pids
    setsid sh -c "trap '' TERM; while :; do sleep 1; done" & echo $! >> pids
    env -i sh -c "trap '' TERM; while :; do sleep 1; done" & echo $! >> pids
    echo $$ >> pids; while :; do sleep 1; done`;
  const night = await aCountedBench(script, { killGrace: '200ms' });
  const handle = await night.provider.start(night.request, undefined, night.context);
  const file = join(night.stateDir, 'a/b/pids');
  const pids = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []);
  await until(() => pids().length === 4, 'all of it runs');
  const wrapper = pidOf(night);

  await night.provider.cancel(handle, night.context);
  await until(() => [...pids(), wrapper].every((pid) => !lives(pid)), 'nothing is left');
  expect(await night.provider.poll(handle, night.context)).toEqual({
    kind: 'lost',
    message: 'the session was cancelled',
  });
  await night.provider.cancel(handle, night.context);
});

test('a session that was cancelled is so, whatever exit code its program found', async () => {
  const night = await aCountedBench(`trap 'echo all done; exit 0' TERM; while :; do sleep 0.05; done`);
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  await night.provider.cancel(handle, night.context);
  expect(night.read('exit')).toContain('"rc":0');
  expect(await night.provider.poll(handle, night.context)).toEqual({
    kind: 'lost',
    message: 'the session was cancelled',
  });
});

test('cancelling what has ended, or never was, changes nothing', async () => {
  const night = await aCountedBench('echo done');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await ended(night, handle);
  await night.provider.cancel(handle, night.context);
  expect(await night.provider.poll(handle, night.context)).toEqual({ kind: 'succeeded' });
  await night.provider.cancel({ ...handle, attempt: 7 }, night.context);
  expect(existsSync(dirname(night.fileOf('.')) + '-7')).toBe(false);
});

test('a stop that was noted by a worker that died is carried through by the next', async () => {
  const night = await aCountedBench(`trap '' TERM; while :; do sleep 0.05; done`, { killGrace: '200ms' });
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  writeFileSync(night.fileOf('cancel'), ''); // killed between open and write
  expect(await ended(night, handle)).toMatchObject({ kind: 'lost' });
});

test('a process that was given the id of a dead wrapper is not taken for it', async () => {
  const night = await aCountedBench('exec sleep 300');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  const stranger = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
  const claim = JSON.parse(night.read('pid.json')) as { pid: number };
  await night.provider.cancel(handle, night.context);
  writeFileSync(night.fileOf('pid.json'), JSON.stringify({ ...claim, pid: stranger.pid }));
  await night.provider.cancel(handle, night.context);
  expect(await night.provider.poll(handle, night.context)).toMatchObject({ kind: 'lost' });
  expect(lives(stranger.pid ?? 0)).toBe(true);
  stranger.kill('SIGKILL');
});

test('a session of another host is neither lost nor run again until its deadline', async () => {
  const night = await aCountedBench('exec sleep 300');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  const claim = night.read('pid.json');
  writeFileSync(
    night.fileOf('pid.json'),
    JSON.stringify({ ...JSON.parse(claim), host: 'moon', bootId: 'other' }),
  );
  const follow = () => night.provider.poll(handle, night.context);
  await expect(follow()).rejects.toMatchObject({
    errorClass: 'transient',
    message: expect.stringContaining('moon') as string,
  });
  await night.provider.start(night.request, undefined, night.context);
  expect(runs(night)).toBe(1);
  const late = { ...night.context, now: () => new Date(Date.now() + 3_600_000) };
  expect(await night.provider.poll(handle, late)).toMatchObject({ kind: 'lost' });
  writeFileSync(night.fileOf('pid.json'), claim);
  await night.provider.cancel(handle, night.context);
});

test('a session that a restart of the machine ended is lost', async () => {
  const night = await aCountedBench('exec sleep 300');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await whenRunning(night);
  const claim = night.read('pid.json');
  writeFileSync(night.fileOf('pid.json'), JSON.stringify({ ...JSON.parse(claim), bootId: 'before' }));
  expect(await night.provider.poll(handle, night.context)).toMatchObject({
    kind: 'lost',
    message: expect.stringContaining('started anew') as string,
  });
  writeFileSync(night.fileOf('pid.json'), claim);
  await night.provider.cancel(handle, night.context);
});

test('a result that a power cut shortened is lost, not published', async () => {
  const night = await aCountedBench('echo a whole article');
  const handle = await night.provider.start(night.request, undefined, night.context);
  await ended(night, handle);
  writeFileSync(night.fileOf('stdout'), 'a wh');
  expect(await night.provider.poll(handle, night.context)).toMatchObject({ kind: 'lost' });
});
