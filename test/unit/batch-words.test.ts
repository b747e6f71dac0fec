// The words by which commands name a batch: typed later, they mean that batch and no other.
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import { createProgram } from '../../src/cli/program.js';
import type { Interrupts } from '../../src/cli/interrupts.js';
import type { Output } from '../../src/cli/output.js';
import { Shell, type GlobalFlags } from '../../src/cli/shell.js';
import { status } from '../../src/cli/status.js';
import { findBatch } from '../../src/client/find-batch.js';
import { batchDetails } from '../../src/client/search-attributes.js';
import type { BatchInput } from '../../src/contract/messages.js';
import { batchWords, batchWordsNow, markdownCommand } from '../../src/policy/batch-words.js';
import { shellWord } from '../../src/policy/shell-word.js';
import { openLedger } from '../../src/ledger/open.js';
import { rendered, type Line } from '../../src/report/line.js';
import {
  aLedger,
  by,
  claimed,
  identityOf,
  jobOf,
  keyOf,
  member,
  openBatch,
  PARKED,
  temporaryFolder,
} from './ledger-fixture.js';
import { aDefinition } from './definition-fixture.js';

const KEY = 'd54377b09e326f79edd7ae454a87be49';
const ID = `batch:nightly:${KEY}`;
const batch = { id: ID, name: 'nightly' };
const ofNight = { ...batch, edition: '2026-11-01' };
const night = ['nightly', '--edition', '2026-11-01'];

test.each([
  [batch, 'none', ['nightly'], ['nightly']],
  [batch, 'older', [ID], ['nightly']],
  [batch, 'newer', [ID], [ID]],
  [ofNight, 'none', night, night],
  [ofNight, 'newer', [ID], [ID]],
  [{ ...batch, edition: 'of\nnow' }, 'none', [ID], [ID]],
  [{ ...batch, edition: 'of `now`' }, 'none', [ID], [ID]],
] as const)('%o, and %s of its name: %o; typed at once: %o', (named, namesakes, kept, now) => {
  expect(batchWords(named, namesakes)).toEqual(kept);
  expect(batchWordsNow(named, namesakes)).toEqual(now);
});

describe('in a ledger with several batches of a name', () => {
  const BATCHES = [
    ['first-list', undefined],
    ['11-01', '2026-11-01'],
    ['11-02', '2026-11-02'],
    ['11-02, another list', '2026-11-02'],
    ['second-list', undefined],
    ['spaces', 'week 48'],
  ] as const;

  async function filled() {
    const { ledger } = await aLedger();
    const open = async (slug: string, edition: string | undefined, runId: string) => {
      const id = `batch:nightly:${keyOf(slug)}`;
      const identity = { ...identityOf(slug), ...(edition !== undefined && { edition }) };
      await openBatch(ledger, [slug], { id, runId });
      await ledger.setMembers(id, [member(slug, { identity })]);
      return id;
    };
    for (const [slug, edition] of BATCHES) await open(slug, edition, 'run-1');
    await openBatch(ledger, ['alone'], { id: 'batch:other:1', name: 'other' });
    return { ledger, open };
  }

  const asked = ([nameOrId = '', , edition]: readonly string[]) => ({ nameOrId, edition });

  test('each is found by its words, and also after others were opened again', async () => {
    const { ledger, open } = await filled();
    const kept = new Map<string, readonly string[]>();
    const check = async () => {
      for (const row of await ledger.batches()) {
        const namesakes = await ledger.namesakes(row);
        kept.set(row.id, batchWords(row, namesakes));
        for (const words of [batchWords(row, namesakes), batchWordsNow(row, namesakes)])
          expect((await findBatch(asked(words), ledger))?.id).toBe(row.id);
      }
    };
    await check();
    const id = `batch:nightly:${keyOf('11-01')}`;
    expect(kept.get(id)).toEqual(night);
    expect(kept.get('batch:other:1')).toEqual(['other']);
    await open('first-list', undefined, 'run-2');
    for (const [of, words] of kept) expect((await findBatch(asked(words), ledger))?.id).toBe(of);
    await check();
  });
});

test('what a verb says next of an earlier night means that night', async () => {
  const state = temporaryFolder();
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  const artifacts = folderArtifactStore({ root: join(state, 'artifacts') });
  const definition = await storedDefinition(aDefinition(state), artifacts);
  const manifest = JSON.stringify({ definition, jobs: definition, count: 1 });
  for (const [slug, edition] of [
    ['one', '2026-11-01'],
    ['two', '2026-11-02'],
  ] as const) {
    const id = `batch:nightly:${keyOf(slug)}`;
    await openBatch(ledger, [slug], { id, manifest });
    await ledger.setMembers(id, [member(slug, { identity: { ...identityOf(slug), edition } })]);
    await claimed(ledger, slug, { by: by(id) });
    await ledger.settleJob(jobOf(slug), PARKED, by(id));
    await ledger.setBatchState(id, 'incomplete', id);
  }
  await ledger.close();
  const said = async (name: string) => {
    const lines: string[] = [];
    const out = { results: (shown: Line[]) => lines.push(...shown.map((line) => rendered(line))) };
    const shell = new Shell({ color: false, state }, out as unknown as Output, {} as Interrupts);
    onTestFinished(() => shell.close());
    expect(await status(name, {}, shell)).toBe(2);
    return lines.join('\n');
  };
  const first = `batch:nightly:${keyOf('one')}`;
  expect(await said(first)).toContain(`nightshift retry nightly --edition 2026-11-01 --state ${state}`);
  expect(await said('nightly')).toContain(`nightshift retry nightly --edition 2026-11-02 --state ${state}`);
});

test.each([
  ['retry', `--job ${KEY}`],
  ['retry', '--list'],
  ['discard', `--job ${KEY} --reason WHY`],
  ['concurrency', '20'],
  ...'approve,reject,resume,pause,cancel,status,watch,report,costs,ledger show'
    .split(',')
    .map((verb): [string, string] => [verb, '']),
])('%s takes a batch by its edition, and by its ID (%s)', async (verb, more) => {
  for (const words of [night, [ID]]) {
    const seen: GlobalFlags[] = [];
    const typed = `${verb} ${words.join(' ')} --state /srv/a ${more}`.trim().split(' ');
    await createProgram('0', (_, flags) => void seen.push(flags)).parseAsync(typed, { from: 'user' });
    const edition = words === night ? '2026-11-01' : undefined;
    expect(seen).toEqual([{ color: true, state: '/srv/a', ...(edition && { edition }) }]);
  }
});

test('in the Web UI, a batch is named by its ID, for a Workflow does not know who has its name and its edition', () => {
  expect(markdownCommand({ name: 'nightly', key: KEY })('retry')).toBe(`\`nightshift retry ${ID}\``);
  const input = { name: 'nightly', key: KEY, edition: '2026-11-01', manifest: { count: 1 }, effects: [] };
  expect(batchDetails({ ...input, startedBy: 'ann' } as unknown as BatchInput)).toContain(
    `Follow it: \`nightshift watch ${ID}\`.`,
  );
});

test('a word is quoted where a shell would read it otherwise', () => {
  expect(["it's", '$HOME', 'a b', ID, '2026-W48'].map(shellWord)).toEqual([
    `'it'\\''s'`,
    `'$HOME'`,
    `'a b'`,
    ID,
    '2026-W48',
  ]);
});
