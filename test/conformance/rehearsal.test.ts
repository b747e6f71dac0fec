// A rehearsal at every destination that comes with nightshift: what the server holds is the same to the byte after it,
// and no request on the wire could have changed anything.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config.js';
import { definitionSchema } from '../../src/contract/batch-file.js';
import type { Batch } from '../../src/batch/read-batch.js';
import { Connections } from '../../src/client/connections.js';
import { rehearseBatch } from '../../src/client/rehearse.js';
import { openRig, type ConformanceSubject } from '../../src/testing/conformance/index.js';
import { azuriteFolder } from '../support/servers/azurite.js';
import { folderOfServer } from '../support/servers/loopback-process.js';
import { hasPostgres } from '../support/servers/postgres.js';
import { motoFolder } from '../support/servers/s3.js';
import { azureBlobSubject } from './subjects/azure-blob.js';
import { folderSubject } from './subjects/folder.js';
import { ghostSubject } from './subjects/ghost.js';
import { gitSubject } from './subjects/git.js';
import { postgresSubject } from './subjects/postgres.js';
import { s3Subject } from './subjects/s3.js';
import {
  httpWithKey,
  httpWithLookup,
  httpWithNothing,
  resendSubject,
  stripeSubject,
} from './subjects/services.js';
import { smtpSubject } from './subjects/smtp.js';
import { wordpressSubject } from './subjects/wordpress.js';

const BOUND_MS = 10 * 60_000;

const where = async (
  folder: Promise<string | undefined>,
  subject: (folder: string) => ConformanceSubject,
): Promise<ConformanceSubject[]> => {
  const found = await folder;
  return found === undefined ? [] : [subject(found)];
};

const subjects: readonly ConformanceSubject[] = [
  folderSubject,
  gitSubject,
  ...(hasPostgres() ? [postgresSubject] : []),
  smtpSubject,
  httpWithLookup,
  httpWithKey,
  httpWithNothing,
  resendSubject,
  stripeSubject,
  ...(await where(motoFolder(), s3Subject)),
  ...(await where(azuriteFolder(), azureBlobSubject)),
  ...(await where(folderOfServer('wordpress'), wordpressSubject)),
  ...(await where(folderOfServer('ghost'), ghostSubject)),
];

/** A batch of three: one is there, one is somebody else's, one is nowhere. */
function batchOf(rig: Awaited<ReturnType<typeof openRig>>['rig'], slugs: readonly string[]): Batch {
  const { place } = rig;
  const options = place.options('{{ slug }}', '{{ effect.key }}');
  const definition = definitionSchema.parse({
    name: 'rehearsed',
    work: 'conformance',
    identity: ['slug'],
    agent: { use: 'command', command: ['false'] },
    effects: [{ name: 'post', use: place.use, target: place.target, with: options, hosts: ['127.0.0.1'] }],
    baseDir: process.cwd(),
  });
  const jobs = slugs.map((slug) => ({ ...rig.effect(slug).job, file: 'jobs', line: 1 }));
  return { file: 'batch.yaml', definition, jobs, key: '0'.repeat(32), workflowId: 'batch:rehearsed:0' };
}

describe('a rehearsal', () => {
  test.each(subjects.map((subject) => [subject.name, subject] as const))(
    'changes nothing at %s, and says what a run would do',
    { timeout: BOUND_MS },
    async (_, subject) => {
      const { rig, close } = await openRig(subject);
      const state = mkdtempSync(join(tmpdir(), 'nightshift-looked-'));
      rmSync(state, { recursive: true });
      try {
        const { place, facts } = rig;
        const { ledger } = await rig.ledger();
        const there = await rig.run(rig.effect('there'), ledger);
        expect(['landed', 'adopted']).toContain(there.tried.kind);
        await place.foreign?.('taken');
        const before = await place.dump?.();
        expect(before).toBeDefined();
        const requests = place.methods?.().length ?? 0;

        const config = resolveConfig({ state }, { ...process.env, ...place.env });
        const connections = new Connections(config, () => undefined, 'look');
        const slugs = ['there', 'nowhere', ...(place.foreign ? ['taken'] : [])];
        const plan = await rehearseBatch(batchOf(rig, slugs), connections);
        await connections.close();

        expect(await place.dump?.()).toBe(before);
        const sent = place.methods?.().slice(requests) ?? [];
        expect(sent.filter((method) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
        expect(plan.refused).toEqual([]);
        expect(existsSync(state)).toBe(false);
        const actions = plan.jobs.map(({ effects }) => effects[0]?.action);
        const [first] = actions;
        // What can't be asked looks like nothing; a list that is no proof may still have it.
        if (facts.lookup === 'exact') expect(first, JSON.stringify(plan.jobs[0])).toBe('adopt');
        expect(actions[1], JSON.stringify(plan.jobs[1])).toBe('create');
        if (place.foreign) expect(actions[2], JSON.stringify(plan.jobs[2])).toBe('conflict');
      } finally {
        await close();
        rmSync(state, { recursive: true, force: true });
      }
    },
  );
});
