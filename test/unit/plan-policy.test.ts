// What a plan says of each effect, what has changed since it was saved, and what a run that is bound by it may do.
import { describe, expect, test } from 'vitest';
import type { FoundEffect, Placed } from '../../src/activities/publishers/publisher.js';
import { forbiddenBy, readPermit, storePermit } from '../../src/batch/permit.js';
import type { ArtifactStore } from '../../src/contract/artifact.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { PlanFile, PlanFileEffect, PlanFileJob } from '../../src/contract/plan-file.js';
import type { Receipt } from '../../src/contract/receipt.js';
import { planChanges, type PresentJob, type PresentPlan } from '../../src/policy/plan-changes.js';
import { plannedAction, type Standing, type Wanted } from '../../src/policy/planned-action.js';

const hash = (letter: string) => letter.repeat(64);
const [OLD, NEW] = [hash('a'), hash('b')];

describe('what a run would do', () => {
  const wanted: Wanted = { revision: 2, fingerprint: hash('f'), sha256: NEW, isMade: true };
  const receipt: Receipt = {
    effectKey: 'e'.repeat(32),
    revision: 1,
    id: 'post-1',
    sha256: OLD,
    landedAt: '2026-01-01T00:00:00.000Z',
    adopted: false,
  };
  const ours = (placed: Partial<Placed> = {}): FoundEffect => ({
    kind: 'ours',
    placed: { id: 'post-1', sha256: OLD, revision: 1, visible: true, ...placed },
  });
  const theirs: FoundEffect = { kind: 'theirs', location: 'post-1', why: 'of somebody else' };
  const absent: FoundEffect = { kind: 'absent' };
  const decided = (standing: Partial<Standing>, more: Partial<Wanted> = {}) =>
    plannedAction(
      { ...wanted, ...more },
      { receipt: undefined, undone: false, held: undefined, found: absent, canUpdate: true, ...standing },
    );

  test.each<[string, Partial<Standing>, Partial<Wanted>, string, RegExp | undefined]>([
    ['nothing is there', {}, {}, 'create', undefined],
    ['nobody can be asked', { found: undefined }, {}, 'create', /can’t be asked/],
    ['it has landed', { receipt, found: ours() }, { revision: 1 }, 'nothing', undefined],
    ['it has landed and is gone', { receipt }, { revision: 1 }, 'nothing', /gone from post-1/],
    ['it has landed and was changed', { receipt, found: theirs }, { revision: 1 }, 'nothing', /was changed/],
    ['it has landed at a lower revision', { receipt, found: ours() }, {}, 'update', undefined],
    ['the lower revision is gone', { receipt }, {}, 'held', /is gone from there/],
    [
      'the lower revision can not be asked for',
      { receipt, found: undefined },
      {},
      'held',
      /can’t be changed/,
    ],
    ['the lower revision was taken back', { receipt, undone: true }, {}, 'create', undefined],
    [
      'it was taken back at this very revision',
      { receipt, undone: true },
      { revision: 1 },
      'create',
      undefined,
    ],
    ['somebody else has its place', { found: theirs }, {}, 'conflict', /of somebody else/],
    ['a person took it away', { found: { ...theirs, kind: 'removed' } }, {}, 'conflict', /of somebody else/],
    ['a person has to decide', { held: 'no answer came' }, {}, 'held', /no answer came/],
    [
      'a decision is due, but it has landed',
      { held: 'x', receipt, found: ours() },
      { revision: 1 },
      'nothing',
      undefined,
    ],
    ['ours is there without a receipt', { found: ours({ revision: 2 }) }, {}, 'adopt', undefined],
    ['ours is there, hidden', { found: ours({ revision: 2, visible: false }) }, {}, 'create', /still hidden/],
    [
      'ours is older and can not be updated',
      { found: ours(), canUpdate: false },
      {},
      'conflict',
      /can’t be updated/,
    ],
    [
      'ours is there from other fields, before an agent is paid',
      { found: ours({ revision: 2, fingerprint: hash('0') }) },
      { isMade: false },
      'conflict',
      /raise revision/,
    ],
    [
      'ours has no revision, and other contents than are to be there',
      { receipt, found: { kind: 'ours', placed: { id: 'post-1', sha256: OLD, visible: true } } },
      {},
      'update',
      undefined,
    ],
  ])('where %s', (_, standing, more, action, why) => {
    const says = decided(standing, more);
    expect(says.action).toBe(action);
    if (why === undefined) expect(says.why).toBeUndefined();
    else expect(says.why).toMatch(why);
  });
});

describe('what has changed since a plan was saved', () => {
  const effect: PlanFileEffect = {
    name: 'post',
    key: 'e'.repeat(32),
    use: 'folder',
    target: './public',
    options: hash('1'),
    action: 'update',
    approved: true,
    approval: { timeoutMs: 3_600_000, onTimeout: 'hold' },
    place: 'post-1',
    there: OLD,
  };
  const job: PlanFileJob = {
    key: 'k'.repeat(32),
    title: 'blog / one',
    revision: 2,
    fingerprint: hash('f'),
    artifact: NEW,
    effects: [effect],
  };
  const plan = {
    batch: { name: 'nightly', work: 'article', key: 'b' },
    agent: 'agent',
    jobs: [job],
  } as PlanFile;
  const present = (of: Partial<PresentJob> = {}, effectNow: Partial<PresentJob['effects'][number]> = {}) => ({
    name: 'nightly',
    key: 'b',
    agent: 'agent',
    jobs: [{ ...job, verdict: 'update', effects: [{ ...effect, ...effectNow }], ...of }],
  });
  const changes = (now: PresentPlan, of = plan) => planChanges(of, now);

  test('nothing, where all is as it was', () => {
    expect(changes(present())).toEqual([]);
  });

  test.each<[RegExp, PresentPlan]>([
    [/plan of the batch nightly, not of other/, { ...present(), name: 'other' }],
    [/agent or the checks/, { ...present(), agent: 'other' }],
    [/one is not in the batch any more/, { ...present(), jobs: [] }],
    [
      /two is new in the batch/,
      { ...present(), jobs: [...present().jobs, { ...job, key: 'x', title: 'two', verdict: 'new' }] },
    ],
    [/revision 2 became 3/, present({ revision: 3 })],
    [/its fields were changed/, present({ fingerprint: hash('0') })],
    [/its artifact is another, or gone/, present({ artifact: undefined })],
    [/post to \.\/public is gone/, present({ effects: [] })],
    [
      /mail is new, or has another target/,
      present({ effects: [effect, { ...effect, key: 'm', name: 'mail' }] }),
    ],
    [/by the plan folder sends it, now \.\/mine\.ts would/, present({}, { use: './mine.ts' })],
    [/its options were changed/, present({}, { options: hash('2') })],
    [
      /the plan says update, now it would be conflict \(taken\)/,
      present({}, { action: 'conflict', why: 'taken' }),
    ],
    [/waits for approval, now it would leave without asking anybody/, present({}, { approval: undefined })],
    [/how long it waits for approval was changed/, present({}, { approval: { onTimeout: 'hold' } })],
    [
      /in time, the plan says hold, now it would be approve/,
      present({}, { approval: { timeoutMs: 3_600_000, onTimeout: 'approve' } }),
    ],
    [/what is at post-1 was changed since/, present({}, { there: hash('9') })],
  ])('is named: %s', (words, now) => {
    const [change, ...others] = changes(now);
    expect(change).toMatch(words);
    expect(others).toEqual([]);
  });

  test('what the plan itself has brought about is no change, nor what it leaves out', () => {
    expect(changes(present({}, { action: 'nothing' }))).toEqual([]);
    expect(changes(present({}, { action: 'adopt' }))).toEqual([]);
    const pruned = { ...plan, jobs: [{ ...job, effects: [{ ...effect, approved: false }] }] };
    expect(changes(present({}, { action: 'conflict' }), pruned)).toEqual([]);
  });

  test('an effect that leaves without asking is a change where somebody would be asked now', () => {
    const free = { ...plan, jobs: [{ ...job, effects: [{ ...effect, approval: null }] }] };
    expect(changes(present({}, { approval: null }), free)).toEqual([]);
    expect(changes(present(), free)).toEqual([expect.stringMatching(/now it would wait for approval/)]);
  });

  test('an effect that was to be held is a change where it would go out now', () => {
    const held = { ...plan, jobs: [{ ...job, effects: [{ ...effect, action: 'held' as const }] }] };
    expect(changes(present({}, { action: 'create' }), held)).toHaveLength(1);
  });
});

describe('a permit', () => {
  const KEY = 'e'.repeat(32);
  const permit = (effects: Parameters<typeof forbiddenBy>[0]['effects']) => ({
    v: 1 as const,
    plannedAt: '2026-11-28T00:00:00.000Z',
    effects,
  });

  test('allows the very action it names, with the very artifact it shows, and nothing else', () => {
    const { effects, ...rest } = permit({ [KEY]: { action: 'create', artifact: NEW } });
    const may = forbiddenBy({ ...rest, effects }, KEY, NEW);
    expect(may('create')).toBeUndefined();
    expect(may('update')).toMatch(/says create, and this would be update; nothing was sent/);
    expect(forbiddenBy({ ...rest, effects }, KEY, OLD)('create')).toMatch(/shows artifact bbbbbbbbbbbb/);
    expect(forbiddenBy({ ...rest, effects }, 'other', NEW)('create')).toMatch(/says nothing/);
  });

  test('to adopt, or do nothing, sends nothing', () => {
    for (const action of ['adopt', 'nothing', 'held', 'conflict', 'unknown'] as const) {
      const may = forbiddenBy(permit({ [KEY]: { action } }), KEY, NEW);
      expect([may('create'), may('update')].every((why) => why !== undefined)).toBe(true);
    }
  });

  test('that is lost, or that nobody can read, is never taken for none', async () => {
    const objects = new Map<string, Uint8Array>();
    const store = {
      put: async (bytes: Uint8Array) => {
        const sha256 = hash(String(objects.size));
        objects.set(sha256, bytes);
        return { sha256, bytes: bytes.length };
      },
      read: async (sha256: string) => {
        const bytes = objects.get(sha256);
        if (!bytes) throw new AdapterError('lost', 'gone');
        return bytes;
      },
    } as unknown as ArtifactStore;
    const stored = await storePermit(permit({}), store);
    expect(await readPermit({ permit: stored }, store)).toEqual(permit({}));
    expect(await readPermit({}, store)).toBeUndefined();
    await expect(readPermit({ permit: hash('9') }, store)).rejects.toThrow('gone');
    objects.set(hash('8'), Buffer.from('{"v":2}'));
    await expect(readPermit({ permit: hash('8') }, store)).rejects.toMatchObject({ errorClass: 'config' });
  });
});
