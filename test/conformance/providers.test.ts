// Every check of the kit against the providers that come with nightshift, each cell counted at the service.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openProviderRig,
  PROVIDER_CHECKS,
  runProviderConformance,
  type ProviderRow,
} from '../../src/testing/index.js';
import { antigravitySubject, claudeSubject, commandSubject } from './subjects/agents.js';
import { forgetfulSubject } from './wrong/forgetful-provider.js';
import { heedlessSubject } from './wrong/heedless-provider.js';

describe.each([commandSubject, antigravitySubject, claudeSubject])('conformance of $name', (subject) => {
  let opened: Awaited<ReturnType<typeof openProviderRig>> | undefined;
  beforeAll(async () => {
    opened = await openProviderRig(subject);
  });
  afterAll(() => opened?.close());

  test.each(PROVIDER_CHECKS.map((check) => [check.name, check] as const))(
    '%s',
    { timeout: 180_000 },
    async (name, check) => {
      const seen: ProviderRow[] = [];
      if (opened) for await (const row of check.run(opened.rig)) seen.push(row);
      expect(seen.filter(({ ok }) => !ok)).toEqual([]);
      // A program on this host sends no requests that could be lost.
      if (subject !== commandSubject || name !== 'lost-answer') expect(seen).not.toEqual([]);
    },
  );
});

test('a provider that is wrong is found out, for that very reason', async () => {
  const { rows, failed, skipped } = await runProviderConformance(forgetfulSubject);
  expect(failed).toBeGreaterThan(0);
  const notes = rows.filter(({ ok }) => !ok).map(({ check, note }) => `${check}: ${note}`);
  expect(notes).toEqual(
    expect.arrayContaining([
      'carry: its output is empty',
      'attach: find says none',
      'collect: it is empty',
      expect.stringMatching(/^usage: no whole numbers/),
      expect.stringMatching(/^usage: it is told as/),
      'die: attempt 1 was paid for 2 times',
      'unknown handle: it is said to have succeeded',
      'empty output: it counts as made, not as rejected',
      expect.stringMatching(/^errors: classify throws during find/),
      'secrets: one is saved in a handle',
    ]),
  );
  expect(skipped).toEqual(['lost-answer', 'cancel']);
});

test.each([
  ['sends-again', ['drop-answer, start, request 1 of 1: attempt 1 was paid for 2 times']],
  [
    'asks-now-and-then',
    ['drop-answer, usage, request 1 of 1: it was not made this time, so that nothing was lost'],
  ],
] as const)('one that %s is found out where an answer is lost', async (how, found) => {
  const { rows } = await runProviderConformance(heedlessSubject(how), { only: ['lost-answer'] });
  const notes = rows.filter(({ ok }) => !ok).map(({ check, at, note }) => `${check}, ${at}: ${note}`);
  expect(notes).toEqual(found);
});
