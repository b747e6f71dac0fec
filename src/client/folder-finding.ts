import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { agentOptionsOf } from '../activities/providers/provider-for.js';
import { definitionToShow } from '../batch/manifest.js';
import type { Definition } from '../contract/batch-file.js';
import { isEngineConfigured } from '../engine/index.js';
import { batchesUnderWay } from './batches-under-way.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';

/** Batches under way whose folder was moved or removed since they were started, and which need it. */
export async function folderFindings(connections: Connections): Promise<Finding[]> {
  const { config, artifacts } = connections;
  if (isEngineConfigured(config)) return []; // their workers may be on other hosts, which have it
  const findings: Finding[] = [];
  for (const row of await batchesUnderWay(await connections.ledger())) {
    const definition = await definitionToShow(row, artifacts);
    if (!definition || existsSync(definition.baseDir) || !startsThere(definition)) continue;
    findings.push({
      subject: 'folders',
      status: 'warn',
      detail: `${row.name} was started from ${definition.baseDir}, which is not there any more: its jobs stop at the first path that starts there`,
      fix: 'move it back, or start the batch from its file where that is now',
    });
  }
  return findings;
}

/** Whether a path of it starts at the folder of its file. */
const startsThere = ({ agent, checks, effects }: Definition): boolean =>
  (agent.use === 'command' && !isAbsolutePath(agentOptionsOf(agent)['cwd'])) ||
  effects.some(({ use, target }) => use === 'folder' && !isAbsolutePath(target)) ||
  [agent, ...effects, ...checks].some((part) => 'use' in part && part.use.startsWith('.'));

const isAbsolutePath = (path: unknown): boolean => typeof path === 'string' && isAbsolute(path);
