// What an agent wrote is read in a thread of its own. Here it is the built one, and a text or a pattern that it takes for
// ever to read; the event loop of this process must go on, and so must everything beside it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { CheckFindings, Earlier } from '../../src/checks/index.js';
import { readTextIn } from '../../src/checks/read-text.js';
import { ThreadPool } from '../../src/threads/thread-pool.js';
import { findings } from './checks-fixture.js';
import { turnsUntil } from './turns.js';

/** Backtracks for longer than the sun will shine. */
const endless = { jsonSchema: { type: 'string', pattern: '^(a+)+$' } };
const hostile = JSON.stringify(`${'a'.repeat(45)}!`);
const HELD_UP = /^jsonSchema did not come to an end within 5 s: /;

const held = (
  pool: ThreadPool,
  text: string,
  checks: readonly unknown[],
  context: { signal?: AbortSignal; earlier?: Earlier } = {},
): Promise<CheckFindings> => findings(text, checks, { context: { readText: readTextIn(pool), ...context } });

test('a text that a pattern never comes to an end with is refused by name, and the event loop goes on meanwhile', async () => {
  const reading = held(new ThreadPool({ msMax: 5000 }), hostile, [endless]);
  expect(await turnsUntil(reading)).toBeGreaterThan(10);
  expect((await reading).problems).toEqual([expect.stringMatching(HELD_UP)]);
});

test('another is read to its end beside it', async () => {
  const pool = new ThreadPool();
  const controller = new AbortController();
  const hanging = held(pool, hostile, [endless], { signal: controller.signal });
  expect((await held(pool, '"aaa"', [endless])).problems).toEqual([]);
  controller.abort(new Error('the test is over'));
  await expect(hanging).rejects.toThrow('the test is over');
});

test('others have their turn after it, where every thread was held up', async () => {
  const pool = new ThreadPool({ msMax: 5000, threadsMax: 1 });
  const [first, sibling] = await Promise.all([
    held(pool, hostile, [endless]),
    held(pool, '"aaa"', [endless]),
  ]);
  expect(first.problems).toHaveLength(1);
  expect(sibling.problems).toEqual([]);
});

test('a job that is cancelled, or a worker that stops, waits neither for a thread nor for its turn', async () => {
  const pool = new ThreadPool({ threadsMax: 1 });
  const controller = new AbortController();
  const { signal } = controller;
  const reading = [held(pool, hostile, [endless], { signal }), held(pool, '"a"', [endless], { signal })];
  setTimeout(() => controller.abort(new Error('cancelled')), 50);
  for (const one of reading) await expect(one).rejects.toThrow('cancelled');
  expect((await held(pool, '"aaa"', [endless])).problems).toEqual([]);
});

test('earlier artifacts are handed over one by one, and the time that they take is not that of the artifact', async () => {
  let handed = 0;
  const earlier: Earlier = async function* () {
    for (const text of ['something else', 'the sea rises and falls twice a day', 'never asked for']) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      handed++;
      yield { label: 'blog / one', text };
    }
  };
  const text = 'The sea rises, and falls twice a day.';
  const { problems } = await held(new ThreadPool({ msMax: 1500 }), text, [{ notSimilar: {} }], {
    earlier,
  });
  expect(problems).toEqual([expect.stringMatching(/^it is 100% the same as "blog \/ one"/)]);
  expect(handed).toBe(2);
});

test('a check that could not run says so as it does without a thread, whatever side it happened on', async () => {
  const pool = new ThreadPool();
  await expect(held(pool, '{}', [{ jsonSchema: './none.json' }])).rejects.toMatchObject({
    name: 'AdapterError',
    errorClass: 'config',
    facts: { sent: 'no' },
  });
  await expect(held(pool, 'text', [{ notSimilar: {} }])).rejects.toMatchObject({ errorClass: 'config' });
  expect(
    (await held(pool, '# A\n\n[a](#a)', [{ headings: ['A'] }, { links: { resolve: true } }])).problems,
  ).toEqual([]);
});

test('160,000 keys of front matter are refused, and as many as may be are read', async () => {
  const keys = (count: number): string =>
    `---\n${Array.from({ length: count }, (_, n) => `k${n}: 1`).join('\n')}\n---\nText.`;
  const check = [{ frontMatter: { required: ['k1'] } }];
  expect((await findings(keys(160_000), check)).problems).toEqual(['its front matter is longer than 64 KiB']);
  expect((await findings(keys(6000), check)).problems).toEqual([]);
});

test('threads keep no process alive, neither one that is done nor one that is in the midst of a text', async () => {
  const script = fileURLToPath(new URL('fixtures/threads-and-exit.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  expect(stdout).toBe('read\ncancelled\n');
});
