// What a person's answer is about: what was shown, or else one thing that surely waits.
import { describe, expect, test } from 'vitest';
import { approvalsMeant } from '../../src/policy/approvals-meant.js';
import { asShown, shownApproval, shownQuestion } from '../../src/policy/as-shown.js';
import type { ApprovalState } from '../../src/ledger/ledger.js';

const key = (start: string): string => start.padEnd(32, '0');
const sha = (start: string): string => start.padEnd(64, '0');
const asked = (effect: string, request: string, state: ApprovalState = 'waiting', job = effect) => ({
  effectKey: key(effect),
  requestSha256: sha(request),
  jobKey: key(job),
  state,
});

describe('of what waits for a yes', () => {
  const first = asked('aaaa1', '11');
  const second = asked('aaaa2', '22');
  const both = [first, second];

  test.each([
    ['as it was shown', shownApproval(first), [first]],
    ['by its whole key', first.effectKey, [first]],
    ['by the first characters', 'aaaa1', [first]],
  ])('one is meant %s', (_, name, meant) => {
    expect(approvalsMeant(both, { effects: [name] })).toEqual(meant);
  });

  test('characters that fit two are no answer to either', () => {
    expect(() => approvalsMeant(both, { effects: ['aaaa'] })).toThrow('aaaa fits 2 effects');
    expect(() => approvalsMeant(both, { jobs: ['aaaa'] })).toThrow('aaaa fits 2 jobs');
  });

  test('what was replaced since it was shown is not answered, nor is what took its place', () => {
    const known = [asked('aaaa1', '11', 'replaced'), asked('aaaa1', '99')];
    expect(() => approvalsMeant(known, { effects: [shownApproval(first)] })).toThrow('has changed since');
    expect(approvalsMeant(known, { effects: ['aaaa1'] })).toEqual([known[1]]);
  });

  test('who answers twice means what was answered first', () => {
    const known = [asked('aaaa1', '11', 'approved'), second];
    expect(approvalsMeant(known, { effects: [shownApproval(first)] })).toEqual([known[0]]);
    expect(approvalsMeant(known, { jobs: [first.jobKey] })).toEqual([known[0]]);
  });

  test('one name that stands for nothing spoils all, so that no half of an answer is given', () => {
    expect(() => approvalsMeant(both, { effects: ['aaaa1', 'bbbb'] })).toThrow('nothing waits for approval');
    expect(() => approvalsMeant(both, { effects: ['aaa'] })).toThrow('nothing waits for approval');
    expect(approvalsMeant(both, {})).toEqual([]);
    expect(approvalsMeant([...both, asked('cccc', '33', 'approved')], { all: true })).toEqual(both);
  });

  test('of a job all that waits is meant, each once', () => {
    const two = [asked('aaaa1', '11', 'waiting', 'job1'), asked('aaaa2', '22', 'waiting', 'job1')];
    expect(approvalsMeant(two, { jobs: ['job1'], effects: ['aaaa1'] })).toEqual(two);
  });
});

test('a question is about the request that was sent last when it was shown', () => {
  const shown = { effectKey: key('aaaa'), lastSentAt: '2026-03-01T02:00:00.000Z' };
  const later = { ...shown, lastSentAt: '2026-03-01T02:00:00.001Z' };
  const name = shownQuestion(shown);
  expect(asShown(name, [shown], shownQuestion).same).toEqual([shown]);
  expect(asShown(name, [later], shownQuestion)).toMatchObject({ ofKey: [later], same: [] });
  expect(asShown('aaaa', [later], shownQuestion).same).toEqual([later]);
});
