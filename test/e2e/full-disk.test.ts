// The disk of the ledger, or of the artifacts, is full while a batch runs: what people see, and that the batch goes on when there is room.
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { slugsOf, twice, writeBatch } from '../support/batch.js';
import { cli, startCli, until } from '../support/cli.js';
import { filled, hasSmallDisks, smallDisk } from '../support/small-disk.js';

test.skipIf(!hasSmallDisks())(
  'jobs wait while the ledger can’t be written, and go on by themselves',
  async () => {
    const disk = smallDisk(12);
    const slugs = slugsOf(6);
    const batch = writeBatch({ name: 'full', work: 'full', slugs, seconds: 2, concurrency: 2 });
    const at = { cwd: batch.dir, env: { NIGHTSHIFT_LEDGER: join(disk, 'ledger.db') } };
    const run = startCli(['run', batch.file, '--state', batch.state], at);
    let said = '';
    run.process.stderr?.on('data', (text: string) => (said += text));
    await until('something has landed', () => batch.published().length > 0);
    const fill = filled(disk);

    await until('the worker says why nothing moves', () => said.includes("the ledger can't be written"));
    await until('so does whoever watches', () => said.includes('waits for room on the disk'));
    const status = await cli(['status', '--state', batch.state], at);
    expect(status.stdout).toContain(`room on the disk: less than 1 MiB is free in ${disk}`);
    expect(batch.published().length).toBeLessThan(slugs.length);

    rmSync(fill);
    const exit = await run.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.published()).toHaveLength(slugs.length);
    expect([batch.sessions().length, twice(batch.sessions())]).toEqual([slugs.length, []]);
  },
  300_000,
);

test.skipIf(!hasSmallDisks())(
  'jobs wait while what they have made can’t be stored, and nothing is made twice',
  async () => {
    const disk = smallDisk(4);
    const slugs = slugsOf(4);
    const batch = writeBatch({ name: 'kept', work: 'kept', slugs, seconds: 1, concurrency: 2 });
    mkdirSync(batch.state, { recursive: true });
    symlinkSync(disk, join(batch.state, 'artifacts'));
    const run = startCli(['run', batch.file, '--state', batch.state], { cwd: batch.dir });
    let said = '';
    run.process.stderr?.on('data', (text: string) => (said += text));
    await until('something has landed', () => batch.published().length > 0);
    const fill = filled(disk);

    await until('the worker says why nothing moves', () => said.includes("the artifact can't be stored"));
    await until('so does whoever watches', () => said.includes('waits for room on the disk'));
    expect(batch.published().length).toBeLessThan(slugs.length);

    rmSync(fill);
    const exit = await run.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(batch.published()).toHaveLength(slugs.length);
    expect([batch.sessions().length, twice(batch.sessions())]).toEqual([slugs.length, []]);
  },
  300_000,
);
