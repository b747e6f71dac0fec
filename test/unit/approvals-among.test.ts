// What waits for a person's yes beyond one batch: of a work, of a provider, or everything.
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { approve } from '../../src/cli/approve.js';
import { reject } from '../../src/cli/approvals.js';
import type { Shell } from '../../src/cli/shell.js';
import { decideApprovals, questionsAmong, waitingApprovals } from '../../src/client/approvals.js';
import type { Connections } from '../../src/client/connections.js';
import { UsageError } from '../../src/contract/errors.js';
import type { HoldScope } from '../../src/contract/holds.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { aDefinition } from './definition-fixture.js';
import { NOBODY, aLedger, claimRequest, keyOf, temporaryFolder } from './ledger-fixture.js';

let ledger: Ledger;
let connections: Connections;

beforeEach(async () => {
  ({ ledger } = await aLedger());
  const stateDir = temporaryFolder();
  const artifacts = folderArtifactStore({ root: join(stateDir, 'artifacts') });
  const workflow = { getHandle: () => ({ signal: async () => undefined }) };
  connections = {
    who: 'ann@host',
    config: { env: {}, stateDir },
    ledger: async () => ledger,
    client: async () => ({ workflow }),
    artifacts,
  } as unknown as Connections;

  for (const [work, provider] of [
    ['invoice', 'claude'],
    ['letter', 'antigravity'],
  ] as const) {
    const definition = aDefinition('/', {
      ...{ name: work, work, agent: { use: provider } },
      effects: [{ name: 'post', use: 'folder', target: './public', approval: 'required' }],
    });
    const manifest = await storeManifest({ definition, jobs: [] }, artifacts);
    const id = `batch:${work}:${keyOf(work)}`;
    const opened = { id, name: work, key: keyOf(work), work, runId: 'run-1', jobs: 1 };
    await ledger.openBatch({ ...opened, manifest: JSON.stringify(manifest), currency: 'EUR', by: NOBODY });
    const by = { batchId: id, workflowId: 'job', runId: 'run-1', attempt: 1, worker: NOBODY };
    const job = { work, jobKey: keyOf(work) };
    await ledger.setMembers(id, [{ ...job, identity: { slug: work }, verdict: 'new' }]);
    await ledger.claimJob({ ...claimRequest(work), ...job, by });
    const request = {
      name: 'post',
      target: './public',
      use: 'folder',
      revision: 1,
      artifact: 'a'.repeat(64),
    };
    await ledger.askApproval(
      {
        ...request,
        ...job,
        effectKey: keyOf(`post of ${work}`),
        requestSha256: 'b'.repeat(64),
        batchId: id,
        onTimeout: 'hold',
      },
      NOBODY,
    );
  }
});

const states = async () =>
  Object.fromEntries((await ledger.approvals({ waiting: false })).map(({ work, state }) => [work, state]));

const scopes: [HoldScope, string[]][] = [
  [{ kind: 'all' }, ['invoice', 'letter']],
  [{ kind: 'work', name: 'letter' }, ['letter']],
  [{ kind: 'provider', name: 'claude' }, ['invoice']],
];

test.each(scopes)('of %j, %j is listed and decided, and nothing else', async (scope, meant) => {
  const listed = await waitingApprovals({ scope }, connections);
  expect(listed.map(({ work }) => work).sort()).toEqual(meant);
  const decided = await decideApprovals({ all: true }, { scope }, 'approved', connections, 'checked');
  expect(decided.map(({ approval }) => approval.work).sort()).toEqual(meant);
  const others = ['invoice', 'letter'].filter((work) => !meant.includes(work));
  expect(await states()).toEqual(
    Object.fromEntries([
      ...meant.map((work) => [work, 'approved'] as const),
      ...others.map((work) => [work, 'waiting'] as const),
    ]),
  );
});

test('a key that waits in another work is answered by nobody who names this one', async () => {
  const scope: HoldScope = { kind: 'work', name: 'letter' };
  const ofInvoice = { effects: [keyOf('post of invoice')] };
  await expect(decideApprovals(ofInvoice, { scope }, 'approved', connections, '')).rejects.toThrow(
    /nothing waits for approval under/,
  );
  expect(await states()).toEqual({ invoice: 'waiting', letter: 'waiting' });
});

test('of what nothing has ever had is refused, with the name that was probably meant', async () => {
  const scope: HoldScope = { kind: 'work', name: 'leter' };
  const refused = /did you mean "letter"\?/;
  await expect(waitingApprovals({ scope }, connections)).rejects.toThrow(refused);
  await expect(questionsAmong({ scope }, connections)).rejects.toThrow(refused);
  await expect(decideApprovals({ all: true }, { scope }, 'rejected', connections, '')).rejects.toThrow(
    refused,
  );
});

test('the words of the command line mean it, one of a kind at a time', async () => {
  const asked: unknown[] = [];
  const shell = {
    flags: { json: true },
    out: { json: () => undefined },
    nightshift: async () => ({
      approvals: async (among: unknown) => (asked.push(among), []),
      openQuestions: async (among: unknown) => (asked.push(among), []),
      decideApprovals: async (choice: unknown) => (asked.push(choice), []),
    }),
  } as unknown as Shell;
  const work: HoldScope = { kind: 'work', name: 'letter' };
  const provider: HoldScope = { kind: 'provider', name: 'claude' };
  const all = { effects: [], jobs: [], all: true };
  await approve(undefined, { work: 'letter' }, shell);
  await approve(undefined, { work: 'letter', all: true }, shell);
  await reject(undefined, { provider: 'claude', all: true }, shell);
  await reject('nightly', { all: true }, shell);
  await approve(undefined, {}, shell);
  expect(asked).toEqual([
    work,
    work,
    { ...all, scope: work },
    { ...all, scope: provider },
    { ...all, nameOrId: 'nightly' },
    undefined,
    undefined,
  ]);
  await expect(approve('nightly', { work: 'letter', all: true }, shell)).rejects.toThrow(UsageError);
  await expect(reject(undefined, { work: 'letter' }, shell), 'which of them?').rejects.toThrow(/which\?/);
  expect(asked).toHaveLength(7);
});
