import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { resolveConfig } from '../../src/config.js';
import { definitionSchema } from '../../src/contract/batch-file.js';
import type { Batch } from '../../src/batch/read-batch.js';
import { Connections } from '../../src/client/connections.js';
import { rehearseBatch } from '../../src/client/rehearse.js';
import type { Rig } from '../../src/testing/conformance/rig.js';

/** One is there, one is nowhere, one is somebody else's. */
const THERE = 'looked-at';
const NOWHERE = 'nowhere';
const TAKEN = 'claimed';

/**
 * A rehearsal at the destination: what the server holds is the same to the byte after it, no request on the wire could
 * have changed anything, and what a run would do is said.
 */
export async function expectRehearsal(rig: Rig): Promise<void> {
  const { place, facts } = rig;
  const state = mkdtempSync(join(tmpdir(), 'nightshift-looked-'));
  rmSync(state, { recursive: true });
  try {
    const { ledger } = await rig.ledger();
    const there = await rig.run(rig.effect(THERE), ledger);
    expect(['landed', 'adopted']).toContain(there.tried.kind);
    await place.foreign?.(TAKEN);
    const before = await place.dump?.();
    expect(before).toBeDefined();
    // Files of this host have no wire.
    if (place.use !== 'folder') expect(place.methods?.(), 'requests are told').not.toEqual([]);
    const requests = place.methods?.().length ?? 0;

    const config = resolveConfig({ state }, { ...process.env, ...place.env });
    const connections = new Connections(config, () => undefined, 'look');
    const slugs = [THERE, NOWHERE, ...(place.foreign ? [TAKEN] : [])];
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
    rmSync(state, { recursive: true, force: true });
  }
}

function batchOf(rig: Rig, slugs: readonly string[]): Batch {
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
  return {
    file: 'batch.yaml',
    definition,
    jobs,
    key: '0'.repeat(32),
    workflowId: 'batch:rehearsed:0',
    placeOf: () => ({ line: 1, column: 1 }),
  };
}
