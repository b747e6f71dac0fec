// The story that nightshift exists for: a batch dies in job 3, and somebody starts it again.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cli, runJson, startCli, until } from '../support/cli.js';
import { slugsOf, writeBatch } from '../support/batch.js';

test('a batch killed in job 3 and started again runs 3..N only, and a third start runs nothing', async () => {
  const batch = writeBatch({ slugs: slugsOf(6), concurrency: 1, seconds: 0.5 });
  const options = { cwd: batch.dir, state: batch.state };

  const first = startCli(['run', batch.file, '--state', batch.state], options);
  await until('job 3 is under way', () => batch.sessions().length === 3);
  first.process.kill('SIGKILL');
  await first.exit;
  expect(batch.published()).toEqual(['blog/news/job-01.md', 'blog/news/job-02.md']);

  const second = await runJson(batch.file, options);
  expect(second.exit.code, second.exit.stderr).toBe(0);
  expect(second.report.counts).toMatchObject({ jobs: 6, done: 4, adopted: 2, parked: 0, held: 0 });
  // Job 3's agent outlived the worker and is attached, not paid again.
  expect(second.report.sessions).toEqual({ started: 3, attached: 1, wasted: 0 });
  expect(batch.sessions()).toEqual(slugsOf(6).map((slug) => `${slug} 1`));
  expect(batch.published()).toEqual(slugsOf(6).map((slug) => `blog/news/${slug}.md`));

  const third = await runJson(batch.file, options);
  expect(third.exit.code).toBe(0);
  expect(third.report.batch.result).toBe('already-completed');
  expect(third.report.counts).toMatchObject({ jobs: 6, done: 0, adopted: 6 });
  expect(third.report.sessions).toEqual({ started: 0, attached: 0, wasted: 0 });
  expect(third.report.effects).toMatchObject({ landed: 0, adopted: 6 });
  expect(batch.sessions()).toHaveLength(6);
});

test('an always failing job among twelve is parked, counted right over a crash, and retried alone', async () => {
  const slugs = slugsOf(12);
  const bad = 'job-05';
  const fails = `[ "$slug" = ${bad} ] && [ ! -e fixed ] && exit 1`;
  const batch = writeBatch({ slugs, before: fails, sessionsMax: 3, concurrency: 4 });
  const options = { cwd: batch.dir, state: batch.state };

  const first = startCli(['run', batch.file, '--state', batch.state], options);
  await until('the job has failed once', () => batch.sessions().includes(`${bad} 1`));
  first.process.kill('SIGKILL');
  await first.exit;

  const second = await runJson(batch.file, options);
  expect(second.exit.code, second.exit.stderr).toBe(2);
  expect(second.report.counts.parked).toBe(1);
  expect(second.report.counts.done + second.report.counts.adopted).toBe(11);
  const attempts = () => batch.sessions().filter((line) => line.startsWith(bad));
  expect(attempts()).toEqual([`${bad} 1`, `${bad} 2`, `${bad} 3`]);

  const again = await runJson(batch.file, options);
  expect(again.exit.code, 'a plain start leaves a parked job alone').toBe(2);
  expect(attempts()).toHaveLength(3);

  writeFileSync(`${batch.dir}/fixed`, '');
  const retried = await cli(['retry', 'nightly', '--state', batch.state, '--json'], options);
  expect(retried.code, retried.stderr).toBe(0);
  expect(attempts()).toEqual([1, 2, 3, 4].map((n) => `${bad} ${n}`));
  expect(batch.sessions()).toHaveLength(12 + 3);
  expect(batch.published()).toHaveLength(12);
});
