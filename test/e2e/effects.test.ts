// What people do about effects: answer what nobody else can, take back, compare, rebuild. Counted at the destination.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Drill } from '../../src/client/drill.js';
import { cli, runJson } from '../support/cli.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';

const MAILBOX = fileURLToPath(new URL('./fixtures/mailbox.ts', import.meta.url));
const root = tempDir('nightshift-effects-');
const state = join(root, 'state');

/** A batch of its own in the one state directory of this file. */
const aBatch = (name: string, slugs: readonly string[], options = {}): TestBatch =>
  writeBatch({ dir: join(root, name), name, work: name, slugs, ...options });

function mailing(name: string, slugs: readonly string[]): TestBatch {
  const batch = aBatch(name, slugs);
  const effects = `effects:
  - { name: mail, use: "${MAILBOX}", target: readers, with: { subject: "{{ slug }}", text: "{{ artifact }}" } }
limits`;
  writeFileSync(batch.file, readFileSync(batch.file, 'utf8').replace(/effects:[^]*limits/, effects));
  return batch;
}

const mailsOf = ({ dir }: TestBatch): string[] =>
  existsSync(join(dir, 'mailbox.log'))
    ? readFileSync(join(dir, 'mailbox.log'), 'utf8').trim().split('\n')
    : [];
const nightshift = (batch: TestBatch, ...words: string[]) =>
  cli([...words, '--state', state], { cwd: batch.dir });
const json = async <T>(batch: TestBatch, ...words: string[]): Promise<T> =>
  JSON.parse((await nightshift(batch, ...words, '--json')).stdout) as T;

interface Questions {
  readonly questions: readonly {
    readonly effectKey: string;
    readonly jobKey: string;
    readonly name: string;
  }[];
}

describe('a request without an answer, at a destination that can’t be asked', () => {
  test('is held, never sent again, and asked of a person; "landed" finishes the job', async () => {
    const batch = mailing('landed', ['one', 'two']);
    writeFileSync(join(batch.dir, 'lose-answers'), '');
    const first = await runJson(batch.file, { cwd: batch.dir, state });
    expect(first.exit.code).toBe(2);
    expect(first.report.counts.held).toBe(2);
    expect(mailsOf(batch)).toHaveLength(2);

    rmSync(join(batch.dir, 'lose-answers'));
    const again = await runJson(batch.file, { cwd: batch.dir, state });
    expect(again.exit.code).toBe(2);
    expect(again.exit.stderr).toMatch(/2 effects wait for an answer/);
    expect(mailsOf(batch)).toHaveLength(2);
    expect(batch.sessions()).toHaveLength(2);

    const { questions } = await json<Questions>(batch, 'approve', 'landed');
    expect(questions).toHaveLength(2);
    const shown = await nightshift(batch, 'approve', 'landed');
    expect(shown.code).toBe(2);
    expect(shown.stdout).toMatch(/mail of blog \/ news \/ one: did it reach .*mailbox.ts readers\?/);
    expect(shown.stdout).toMatch(/--not-landed/);

    for (const { effectKey } of questions) {
      const answer = await nightshift(
        batch,
        'approve',
        '--effect',
        effectKey,
        '--landed',
        '--reason',
        'seen',
      );
      expect(answer.code, answer.stderr).toBe(0);
    }
    expect((await nightshift(batch, 'approve', 'landed')).code).toBe(0);
    const { requests } = await json<{ requests: readonly { what: string; outcome: string }[] }>(
      batch,
      ...['ledger', 'audit', 'landed'],
    );
    expect(requests.map(({ what, outcome }) => `${what} ${outcome}`)).toEqual([
      'start started',
      'start started',
      'decide done',
      'decide done',
    ]);
    const last = await runJson(batch.file, { cwd: batch.dir, state });
    expect(last.exit.code, last.exit.stderr).toBe(0);
    expect(mailsOf(batch)).toHaveLength(2);
    expect(batch.sessions()).toHaveLength(2);
  });

  test('"not landed" lets it be sent once more, from the artifact that was paid for', async () => {
    const batch = mailing('not-landed', ['one']);
    writeFileSync(join(batch.dir, 'refuse'), '');
    expect((await runJson(batch.file, { cwd: batch.dir, state })).exit.code).toBe(2);
    rmSync(join(batch.dir, 'refuse'));
    expect(mailsOf(batch)).toEqual([]);
    const { questions } = await json<Questions>(batch, 'approve', 'not-landed');
    const [question] = questions;
    const answer = await nightshift(
      batch,
      'approve',
      '--effect',
      question?.effectKey.slice(0, 10) ?? '',
      '--not-landed',
    );
    expect(answer.code, answer.stderr).toBe(0);
    const { exit } = await runJson(batch.file, { cwd: batch.dir, state });
    expect(exit.code, exit.stderr).toBe(0);
    expect(mailsOf(batch)).toEqual(['one: article one']);
    expect(batch.sessions()).toHaveLength(1);
  });

  test('with the ledger gone and the engine still knowing the job, nothing is sent before a person has said', async () => {
    const batch = mailing('forgotten', ['one']);
    const own = { cwd: batch.dir, state: join(root, 'forgotten-state') };
    expect((await runJson(batch.file, own)).exit.code).toBe(0);
    for (const file of ['ledger.db', 'ledger.db-wal', 'ledger.db-shm'])
      rmSync(join(own.state, file), { force: true });
    const { exit, report } = await runJson(batch.file, own);
    expect(exit.code, exit.stderr).toBe(2);
    expect(report.counts.held).toBe(1);
    expect(mailsOf(batch)).toHaveLength(1);
    expect(batch.sessions()).toHaveLength(1);
    const asked = await cli(['approve', '--state', own.state, '--json'], own);
    const [question] = (JSON.parse(asked.stdout) as Questions).questions;
    const key = question?.effectKey ?? '';
    for (let time = 1; time <= 2; time++) {
      const answer = await cli(['approve', '--effect', key, '--landed', '--state', own.state], own);
      expect(answer.code, answer.stderr).toBe(0);
    }
    expect((await runJson(batch.file, own)).exit.code).toBe(0);
    expect(mailsOf(batch)).toHaveLength(1);
  });

  test('a higher revision waits for the answer about the one that was sent, which is booked as that one', async () => {
    const batch = mailing('raised', ['one']);
    writeFileSync(join(batch.dir, 'lose-answers'), '');
    expect((await runJson(batch.file, { cwd: batch.dir, state })).exit.code).toBe(2);
    rmSync(join(batch.dir, 'lose-answers'));
    const csv = join(batch.dir, 'batch.csv');
    writeFileSync(csv, readFileSync(csv, 'utf8').replace(/,1$/m, ',2'));
    const waiting = await runJson(batch.file, { cwd: batch.dir, state });
    expect(waiting.exit.code, waiting.exit.stderr).toBe(2);
    expect(waiting.report.jobs[0]?.error?.message).toMatch(/revision 1 got no answer/);

    const { questions } = await json<Questions>(batch, 'approve', 'raised');
    const key = questions[0]?.effectKey ?? '';
    expect((await nightshift(batch, 'approve', '--effect', key, '--landed')).code).toBe(0);
    const last = await runJson(batch.file, { cwd: batch.dir, state });
    expect(last.exit.code).toBe(2);
    expect(last.report.jobs[0]?.error?.message).toMatch(/can’t change what it has sent/);
    expect(mailsOf(batch)).toHaveLength(1);
    const { receipts } = await json<{ receipts: readonly { revision: number }[] }>(
      batch,
      'ledger',
      'show',
      'raised',
    );
    expect(receipts.map(({ revision }) => revision)).toEqual([1]);
  });

  test('the operator may say beforehand that a lost answer counts as sent', async () => {
    const batch = mailing('assumed', ['one']);
    writeFileSync(
      batch.file,
      readFileSync(batch.file, 'utf8').replace('name: mail,', 'name: mail, onUnknown: assume-sent,'),
    );
    writeFileSync(join(batch.dir, 'lose-answers'), '');
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state });
    expect(exit.code, exit.stderr).toBe(0);
    expect(report.jobs[0]?.effects[0]?.id).toMatch(/^assumed:/);
    expect(mailsOf(batch)).toHaveLength(1);
  });

  test('an answer to nothing, or half an answer, is refused', async () => {
    const batch = aBatch('nothing', ['one']);
    for (const words of [
      ['approve', '--effect', 'f'.repeat(32), '--landed'],
      ['approve', '--landed', '--not-landed', '--effect', 'f'],
      ['approve', '--landed'],
      ['approve', '--not-landed', '--id', 'x', '--effect', 'f'],
    ]) {
      expect((await nightshift(batch, ...words)).code).toBe(64);
    }
  });
});

test('unpublish takes back, once; a start leaves it so, and a higher revision publishes again', async () => {
  const batch = aBatch('taken-back', ['one', 'two']);
  const { report } = await runJson(batch.file, { cwd: batch.dir, state });
  const key = report.jobs.find(({ identity }) => identity['slug'] === 'one')?.key ?? '';
  for (let time = 1; time <= 2; time++) {
    const taken = await nightshift(batch, 'unpublish', 'taken-back', '--job', key, '--reason', 'wrong price');
    expect(taken.code, taken.stderr).toBe(0);
    expect(taken.stdout).toMatch(/post of blog \/ news \/ one: taken back/);
    expect(batch.published()).toEqual(['blog/news/two.md']);
  }
  expect((await runJson(batch.file, { cwd: batch.dir, state })).exit.code).toBe(0);
  expect(batch.published()).toEqual(['blog/news/two.md']);
  expect((await nightshift(batch, 'ledger', 'verify', 'taken-back')).code).toBe(0);

  const revised = aBatch('taken-back', ['one', 'two'], {
    revision: (slug: string) => (slug === 'one' ? 2 : 1),
  });
  const { exit } = await runJson(revised.file, { cwd: revised.dir, state });
  expect(exit.code, exit.stderr).toBe(0);
  expect(batch.published()).toEqual(['blog/news/one.md', 'blog/news/two.md']);

  writeFileSync(join(batch.dir, 'public/blog/news/two.md'), 'edited by a person');
  const other = report.jobs.find(({ identity }) => identity['slug'] === 'two')?.key ?? '';
  const refused = await nightshift(batch, 'unpublish', 'taken-back', '--job', other);
  expect(refused.code).toBe(2);
  expect(batch.read('blog/news/two.md')).toBe('edited by a person');
});

test('verify names what is missing, changed or not in the ledger, and what could not be asked', async () => {
  const batch = aBatch('verified', slugsOf(4));
  expect((await runJson(batch.file, { cwd: batch.dir, state })).exit.code).toBe(0);
  expect((await nightshift(batch, 'ledger', 'verify', 'verified')).code).toBe(0);
  rmSync(join(batch.dir, 'public/blog/news/job-01.md'));
  writeFileSync(join(batch.dir, 'public/blog/news/job-02.md'), 'edited');
  const { stdout, code } = await nightshift(batch, 'ledger', 'verify', 'verified');
  expect(code).toBe(2);
  expect(stdout).toMatch(/missing.*job-01/);
  expect(stdout).toMatch(/drifted.*job-02/);
  expect(stdout).toMatch(/4 jobs: 2 as the receipt says, 1 missing, 1 changed/);
});

test('rebuild writes receipts for what is there; nothing is started, and the next start has nothing to do', async () => {
  const batch = aBatch('rebuilt', slugsOf(3), { dir: join(root, 'rebuilt') });
  const own = { cwd: batch.dir, state: join(root, 'rebuilt-state') };
  expect((await runJson(batch.file, own)).exit.code).toBe(0);
  rmSync(join(batch.dir, 'public/blog/news/job-03.md'));
  rmSync(own.state, { recursive: true, force: true });

  const rebuilt = await cli(['ledger', 'rebuild', batch.file, '--state', own.state, '--json'], own);
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ jobs: 3, adopted: 2, partly: 0, unchanged: 1 });
  const { exit, report } = await runJson(batch.file, own);
  expect(exit.code, exit.stderr).toBe(0);
  expect(report.sessions.started).toBe(1);
  expect(batch.published()).toHaveLength(3);
  expect(batch.sessions()).toHaveLength(4);
});

test('yesterday’s ledger in place of today’s: a start creates nothing and pays for nothing', async () => {
  const batch = aBatch('restored', slugsOf(2), { dir: join(root, 'restored') });
  const own = { cwd: batch.dir, state: join(root, 'restored-state') };
  expect((await runJson(batch.file, own)).exit.code).toBe(0);
  const yesterday = join(root, 'yesterday.db');
  expect((await cli(['ledger', 'backup', yesterday, '--state', own.state], own)).code).toBe(0);

  const more = aBatch('restored', slugsOf(5), { dir: batch.dir });
  expect((await runJson(more.file, own)).exit.code).toBe(0);

  const drill = () => cli(['ledger', 'drill', yesterday, more.file, '--json', '--state', own.state], own);
  const drilled = await drill();
  expect(drilled.code, drilled.stderr).toBe(0);
  const [told] = (JSON.parse(drilled.stdout) as Drill).batches;
  expect(told).toMatchObject({ landed: 5, counts: { known: 2, found: 3, again: 0, asked: 0 }, paidAgain: 0 });
  expect(more.published()).toHaveLength(5);

  for (const file of ['ledger.db', 'ledger.db-wal', 'ledger.db-shm'])
    rmSync(join(own.state, file), { force: true });
  cpSync(yesterday, join(own.state, 'ledger.db'));

  const { exit, report } = await runJson(more.file, own);
  expect(exit.code, exit.stderr).toBe(0);
  expect(report.sessions.started).toBe(0);
  expect(more.published()).toHaveLength(5);
  expect(more.sessions()).toHaveLength(5);
});

test('doctor looks at the destinations of a batch too', async () => {
  const batch = aBatch('probed', ['one']);
  const good = await nightshift(batch, 'doctor', batch.file);
  expect(good.stdout).toMatch(/post: folder .*public\/blog/);
  writeFileSync(join(batch.dir, 'public'), 'a file where the folder should be');
  const bad = await nightshift(batch, 'doctor', batch.file);
  expect(bad.code).toBe(78);
  expect(bad.stdout).toMatch(/fail.*post: folder/);
});
