import { ERROR_CLASSES } from '../../contract/errors.js';
import { PAUSE_LEVELS } from '../../contract/holds.js';
import type { ShownJobState } from '../../contract/states.js';
import type { Asked } from './asked.js';
import { SHELLS } from './scripts.js';

/** Where the values of a flag or of an argument are to be found. */
export type Values =
  /** Nowhere: it is for the person to say. */
  | 'text'
  /** On the disk; the shell looks. */
  | 'files'
  | 'directories'
  /** In the ledger. */
  | 'batches'
  | 'batches or files'
  | 'editions'
  | 'works'
  | 'schedules'
  | 'lanes'
  | 'jobs that wait for approval'
  /** Jobs, of the batch that is named if one is. */
  | { readonly jobs: 'all' | readonly ShownJobState[] }
  /** These. Loaded when they are asked for: some are of heavy modules. */
  | { readonly words: () => readonly string[] | Promise<readonly string[]> };

const text = 'text';
const files = 'files';
const directories = 'directories';
const batches = 'batches';
const allJobs = { jobs: 'all' } as const;

/**
 * By the name of a flag or an argument. Before it may stand the verb that it is of, or a verb above that, where it
 * means something else, and a flag beside which it does.
 */
export const VALUES: Readonly<Record<string, Values>> = {
  // arguments
  backup: files,
  count: text,
  dir: directories,
  'doctor --nightly names': 'batches or files',
  file: files,
  files,
  job: allJobs,
  module: files,
  name: batches,
  names: files,
  pairs: text,
  'schedule name': 'schedules',
  shell: { words: () => SHELLS },

  // flags
  '--artifacts': directories,
  '--by': { words: async () => (await import('../../client/cost-slices.js')).COST_DIMENSIONS },
  '--check': { words: conformanceChecks },
  '--days': text,
  '--dir': directories,
  '--edition': 'editions',
  '--effect': text, // an answer is to what was shown: its name is taken from there, with what it says of that
  '--error': { words: () => ERROR_CLASSES },
  '--fault': text,
  '--file': files,
  '--first': text,
  '--from': text,
  '--html': files,
  '--id': text,
  '--job': allJobs,
  'approve --job': 'jobs that wait for approval',
  'discard --job': { jobs: ['parked', 'held', 'cancelled'] },
  'reject --job': 'jobs that wait for approval',
  'retry --job': { jobs: ['parked', 'held', 'discarded'] },
  'unpublish --job': { jobs: ['done', 'adopted'] },
  '--key': files,
  '--level': { words: () => PAUSE_LEVELS },
  '--limit': text,
  '--longest': text,
  '--out': files,
  '--plan': files,
  '--port': text,
  '--profile': { words: agentServerProfiles },
  '--provider': { words: () => ['command', 'antigravity', 'claude'] },
  '--rate': text,
  '--reason': text,
  '--receipts': files,
  '--reset': 'lanes',
  '--runs-older-than': text,
  '--seed': text,
  '--since': text,
  '--speed': text,
  '--state': directories,
  '--task-queue': text,
  '--time-zone': { words: () => [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])] },
  '--to': text,
  '--until': text,
  '--url': text,
  '--within': text,
  '--without': allJobs,
  '--work': 'works',
};

/** @param name of a flag, as `--job`, or of an argument */
export function valuesOf(name: string, { path, flags }: Pick<Asked, 'path' | 'flags'>): Values {
  const beside = [...flags.keys()].map((flag) => `${flag} ${name}`);
  for (let depth = path.length; depth >= 0; depth--) {
    const verbs = path.slice(0, depth).map((verb) => `${verb} `);
    for (const end of [...beside, name]) {
      const found = VALUES[`${verbs.join('')}${end}`];
      if (found !== undefined) return found;
    }
  }
  return 'text';
}

async function conformanceChecks(): Promise<readonly string[]> {
  const { CHECKS } = await import('../../testing/conformance/index.js');
  const { PROVIDER_CHECKS } = await import('../../testing/provider-conformance/index.js');
  return [...CHECKS, ...PROVIDER_CHECKS].map(({ name }) => name);
}

async function agentServerProfiles(): Promise<readonly string[]> {
  const { PROFILE_NAMES } = await import('../../testing/agent-server/faults/profiles.js');
  return PROFILE_NAMES;
}
