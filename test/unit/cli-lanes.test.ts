// `nightshift lanes`, as a person and as a program see it: a ledger on disk, no engine.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { openLane } from '../../src/activities/lanes/lane.js';
import { lanes } from '../../src/cli/lanes.js';
import type { LanesSeen } from '../../src/client/lanes.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { AdapterError } from '../../src/contract/errors.js';
import { openLedger } from '../../src/ledger/open.js';
import { aShell } from './shell-fixture.js';

const TWO_HOURS_MS = 7_200_000;
const CLAUDE = { id: 'claude-1a2b', label: 'claude https://api.anthropic.com' };
const GHOST = { id: 'ghost-3c4d', label: 'ghost https://blog.example' };

let state: string;
let resetAt: number;

beforeAll(async () => {
  vi.stubEnv('TZ', 'America/New_York');
  state = mkdtempSync(join(tmpdir(), 'nightshift-lanes-'));
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  const user = { batchId: 'batch-1', priority: 'normal', who: 'job-1' } as const;
  const claude = openLane(CLAUDE, { ...user, limits: { sessions: 20 } }, ledger);
  await claude.enter('session');
  const why = 'the quota is used up \x1b[31mtoday';
  resetAt = Date.now() + TWO_HOURS_MS;
  await claude.report(new AdapterError('exhausted', why, { sent: 'no', retryAfterMs: TWO_HOURS_MS }));
  const ghost = openLane(GHOST, { ...user, limits: { requestsPerMinute: 60 } }, ledger);
  await ghost.enter('effect');
  await ledger.close();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(state, { recursive: true, force: true });
});

/** What it prints on stdout, and its exit code. */
async function shown(json: boolean, reset?: string, reason?: string): Promise<{ code: number; out: string }> {
  const { shell, out } = aShell({ state, json, color: false });
  const code = await lanes(
    { ...(reset !== undefined && { reset }), ...(reason !== undefined && { reason }) },
    shell,
  );
  return { code, out: out() };
}

test('a closed lane is shown with why and until when, by the clock on the wall with its zone', async () => {
  const { code, out } = await shown(false);
  expect(code).toBe(75);
  const [, row = ''] = out
    .split('\n')
    .filter((line) => line.includes('claude-1a2b') || line.startsWith('lane'));
  expect(row).toMatch(/claude-1a2b\s+claude https:\/\/api\.anthropic\.com\s+closed\s+1 of 20/);
  const [, day = '', clock = ''] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (EST|EDT|GMT-[45])/.exec(row) ?? [];
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'America/New_York',
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  const near = [-1000, 0, 1000].map((ms) => parts.format(resetAt + ms));
  expect(near).toContain(`${day} ${clock}`);
  expect(out).toContain(`next look at ${day} ${clock}`);
  expect(out).toContain(`open it now: nightshift lanes --reset claude-1a2b --state ${state}`);
  expect(out).not.toContain('\x1b');
  expect(out).toMatch(/ghost-3c4d\s+ghost https:\/\/blog\.example\s+open\s+59\.7/);
});

test('the same for programs, in UTC, and from the library', async () => {
  const { code, out } = await shown(true);
  expect(code).toBe(75);
  const { lanes: list, notes } = JSON.parse(out) as LanesSeen;
  expect(list).toMatchObject([
    {
      ...CLAUDE,
      state: 'closed',
      sessions: 1,
      sessionsMax: 20,
      why: expect.stringContaining('quota') as string,
    },
    { ...GHOST, state: 'open', requestsPerMinute: 59.7 },
  ]);
  expect(Math.abs(Date.parse(list[0]?.until ?? '') - resetAt)).toBeLessThan(5000);
  expect(notes).toMatchObject([{ lane: CLAUDE.id, what: 'opened', cause: 'exhausted' }]);

  const nightshift = createNightshift({ state });
  onTestFinished(() => nightshift.close());
  expect(await nightshift.lanes()).toEqual({ lanes: list, notes });
});

test('a person opens it by the first characters of its id; one that fits none or several is refused', async () => {
  await expect(shown(false, 'antigravity')).rejects.toThrow('there is no lane antigravity');
  await expect(shown(false, '')).rejects.toThrow('fits 2 lanes');
  expect(await shown(false, 'claude', 'credit bought')).toMatchObject({
    code: 0,
    out: expect.stringContaining('claude https://api.anthropic.com is open') as string,
  });
  const { code, out } = await shown(true);
  expect(code).toBe(0);
  expect((JSON.parse(out) as LanesSeen).lanes.map((lane) => lane.state)).toEqual(['open', 'open']);
  expect((JSON.parse(out) as LanesSeen).notes.at(-1)).toMatchObject({ what: 'reset' });

  const nightshift = createNightshift({ state });
  onTestFinished(() => nightshift.close());
  expect((await nightshift.requests()).map(({ what, outcome, reason }) => [what, outcome, reason])).toEqual([
    ['reset-lane', 'refused', 'antigravity: there is no lane antigravity; "nightshift lanes" lists them'],
    ['reset-lane', 'refused', expect.stringContaining('fits 2 lanes')],
    ['reset-lane', 'done', 'claude: credit bought'],
  ]);
  await expect(shown(false, undefined, 'credit bought')).rejects.toThrow('--reason goes with --reset');
});
