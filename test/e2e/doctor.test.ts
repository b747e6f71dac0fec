// What `doctor` sees of workers, clocks and schedules, on a real engine that it reaches by its address.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../../src/client/nightshift.js';
import { openEngine } from '../../src/engine/index.js';
import { createNightshift } from '../../src/index.js';
import { tempDir, writeBatch } from '../support/batch.js';
import { startCli, until } from '../support/cli.js';

/** @param state state directory, in the folder of the test */
async function aPlace(state = 'state') {
  const root = tempDir('nightshift-doctor-');
  const engine = await openEngine({ stateDir: join(root, 'engine') });
  onTestFinished(() => engine.release());
  const env = { TEMPORAL_ADDRESS: engine.address };
  const nightshift = createNightshift({ state: join(root, state), env: { ...process.env, ...env } });
  onTestFinished(() => nightshift.close());
  const found = async (subject: string): Promise<readonly Finding[]> =>
    (await nightshift.doctor()).filter((finding) => finding.subject === subject);
  return { root, env, nightshift, found };
}

test('a worker, the clocks, and schedules that are not what their file says', async () => {
  const { root, nightshift, found } = await aPlace();
  const findings = async (subject: string): Promise<string[]> =>
    (await found(subject)).map(
      ({ status, detail, fix }) => `${status}: ${detail}${fix === undefined ? '' : `; ${fix}`}`,
    );

  expect(await findings('clock of the engine')).toEqual([expect.stringMatching(/^ok: .*agree/)]);
  expect(await findings('worker')).toEqual([expect.stringMatching(/^ok: none asks .*brings its own/)]);

  writeBatch({ dir: root, slugs: ['one'] });
  const file = join(root, 'schedules.yaml');
  writeFileSync(
    file,
    'timeZone: Europe/Berlin\nschedules:\n  - { name: nights, batch: ./batch.yaml, when: { at: "02:30" } }\n',
  );
  await nightshift.schedules.apply(file);
  // A schedule that was made a moment ago may not be listed yet.
  await until('it is listed', async () => (await nightshift.schedules.list()).length === 1);
  expect(await findings('worker')).toEqual([expect.stringMatching(/^fail: none asks .*nightshift worker/)]);
  expect(await findings('schedule nights')).toEqual([expect.stringMatching(/^ok: next night .* 02:30:00/)]);

  const host = await nightshift.host();
  onTestFinished(() => host.stop());
  await until('it asks for work', () => nightshift.isWorkerAlive());
  expect(await findings('worker')).toEqual([expect.stringMatching(/^ok: 1 at the queue/)]);

  writeFileSync(
    file,
    `${readFileSync(file, 'utf8').replace('02:30', '03:15')}  - { name: weekly, batch: ./batch.yaml, when: { at: "05:00" } }\n`,
  );
  expect(await findings('schedule nights')).toEqual([
    expect.stringMatching(
      /^warn: .*02:30:00.* changed .*when: at 02:30 -> at 03:15.*nightshift schedule apply/,
    ),
  ]);
  expect(await findings('schedule weekly')).toEqual([expect.stringMatching(/^warn: .*never applied/)]);

  await nightshift.schedules.pause('nights', 'the blog moves');
  expect(await findings('schedule nights')).toEqual([
    expect.stringMatching(/^warn: paused.*the blog moves.*nightshift schedule resume nights/),
  ]);
}, 120_000);

test('a batch under way without a worker is told of, but not where it is paused; a pause of everything is', async () => {
  const { root, env, nightshift, found } = await aPlace();
  const { file } = writeBatch({ dir: root, slugs: ['one'], seconds: 60 });
  const worker = startCli(['worker', '--state', join(root, 'state')], {
    cwd: root,
    env,
  });
  onTestFinished(() => void worker.process.kill('SIGKILL'));
  const { workflowId } = await nightshift.start(await nightshift.read(file));
  await until('its job is under way', async () => (await nightshift.status(workflowId)).counts.running === 1);
  worker.process.kill('SIGKILL');
  await worker.exit;
  await until('its worker is gone', async () => !(await nightshift.isWorkerAlive()));
  expect(await found('worker')).toMatchObject([
    { status: 'fail', fix: expect.stringMatching(/worker.*1 batch under way \(nightly\) waits/) as string },
  ]);
  expect(await found('pause')).toEqual([]);

  await nightshift.placeHold({ kind: 'all' }, { reason: 'look first' });
  expect(await found('worker')).toMatchObject([{ status: 'ok' }]);
  expect(await found('pause')).toMatchObject([
    {
      status: 'warn',
      detail: expect.stringMatching(/^everything is paused by .*: look first \(finish, /) as string,
      fix: 'nightshift resume --all',
    },
  ]);
}, 120_000);

test('what is wrong with a ledger is told once, with what to do', async () => {
  const { root, nightshift } = await aPlace('.');
  writeFileSync(join(root, 'ledger.db'), 'no database '.repeat(1000));
  const findings = await nightshift.doctor();
  expect(findings.filter(({ status }) => status === 'fail')).toMatchObject([
    { subject: 'ledger', detail: expect.stringMatching(/file is not a database; check/) as string },
  ]);
  expect(findings).toContainEqual(expect.objectContaining({ subject: 'engine', status: 'ok' }));
}, 120_000);
