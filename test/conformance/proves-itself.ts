import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKS, openRig, type ConformanceSubject, type Row } from '../../src/testing/conformance/index.js';
import { IS_LONG } from '../support/rounds.js';
import { cellsOf, cellsOnPage, isMeasuring, keepMeasured } from './matrix.js';
import { expectRehearsal } from './rehearses.js';

const CHECK_MS = 15 * 60_000;
const OPEN_MS = 5 * 60_000;

/** A process for each point: four destinations, each of another kind, are killed at every time, the others in the long tests. */
export const LONG_KILLS: readonly string[] = ['kill'];

/**
 * A minute each at a server that takes its time for a request: left to the long tests. Twenty at once and
 * lost answers are tried at these servers by `test/destinations` too.
 */
export const LONG_CHECKS: readonly string[] = [...LONG_KILLS, 'lost-answer', 'big', 'race'];

/**
 * Runs every check of the kit against a real destination; each check is a test, and the matrix says what it
 * has to show.
 * @param subject undefined where its server is not installed here, which has been said
 * @param long checks that only the long tests run
 */
export function provesItself(
  subject: ConformanceSubject | undefined,
  name = subject?.name ?? '',
  long: readonly string[] = [],
): void {
  const checks = CHECKS.filter((check) => IS_LONG || !long.includes(check.name));
  describe.runIf(subject !== undefined)(`conformance of ${name}`, () => {
    const measured = new Map<string, readonly Row[]>();
    let opened: Awaited<ReturnType<typeof openRig>> | undefined;
    beforeAll(async () => {
      if (subject) opened = await openRig(subject);
    }, OPEN_MS);
    afterAll(async () => {
      keepMeasured(name, measured);
      await opened?.close();
    }, OPEN_MS);

    test('a rehearsal changes nothing, and says what a run would do', { timeout: CHECK_MS }, async () => {
      if (opened) await expectRehearsal(opened.rig);
    });

    test.each(checks.map((check) => [check.name, check] as const))(
      '%s',
      { timeout: CHECK_MS },
      async (checkName, check) => {
        const seen: Row[] = [];
        if (opened) for await (const row of check.run(opened.rig)) seen.push(row);
        measured.set(checkName, seen);
        expect(seen.filter(({ ok }) => !ok)).toEqual([]);
        if (isMeasuring) return;
        // What is tried here no longer would be missed otherwise, and nobody would see.
        const why = 'not as in effects-matrix.md; if it should be so, measure anew: scripts/write-matrix.mjs';
        expect(cellsOf(checkName, seen), why).toEqual(cellsOnPage(name, checkName));
      },
    );
  });
}
