/** An adapter that writes where it should only look fails every rehearsal, also when it swallows the refusal. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { writeBatch } from '../support/batch.js';
import { cli } from '../support/cli.js';

const PUBLISHER = fileURLToPath(new URL('./fixtures/writing-look-up.ts', import.meta.url));

test('what a look-up wrote is refused, told, and fails plan, dry run and the run of a plan; nothing reaches the wire', async () => {
  const methods: (string | undefined)[] = [];
  const site = createServer(({ method }, response) => {
    methods.push(method);
    response.end();
  });
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void site.close());
  const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
  const batch = writeBatch({
    slugs: ['one'],
    effects: `effects: [{ name: post, use: ${PUBLISHER}, target: site, with: { url: ${url} } }]`,
  });
  const call = (...args: string[]) => cli(args, { cwd: batch.dir });
  const plan = join(batch.dir, 'plan.json');
  const writes = join(batch.dir, 'writes');
  const refusal = /post \(.*writing-look-up.ts\): POST .* was refused|POST 127\.0\.0\.1/;

  writeFileSync(writes, '');
  const looked = await call('plan', batch.file, '--look', '--out', plan);
  expect(looked.code, looked.stderr).toBe(78);
  expect(looked.stdout).toMatch(refusal);
  expect(looked.stderr).toContain(`no plan was saved [path=${plan}]`);
  expect(existsSync(plan)).toBe(false);

  const rehearsed = await call('run', batch.file, '--dry-run', '--json');
  expect(rehearsed.code, rehearsed.stderr).toBe(78);
  expect(JSON.parse(rehearsed.stdout)).toMatchObject({ refused: [expect.stringMatching(refusal)] });
  expect(methods, 'nothing was asked, nothing written').toEqual([]);

  rmSync(writes);
  const fine = await call('plan', batch.file, '--look', '--out', plan);
  expect(fine.code, fine.stderr).toBe(2);
  expect(methods).toEqual(['GET']);
  writeFileSync(writes, '');
  const bound = await call('run', batch.file, '--plan', plan);
  expect(bound.code, bound.stderr).toBe(2);
  expect(bound.stderr).toContain('it can’t be looked at');
  expect(batch.sessions()).toEqual([]);
  expect(methods).toEqual(['GET']);
});
