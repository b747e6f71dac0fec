import { join } from 'node:path';
import { keepOpenRoutes, routesOf, sendDue } from '../../src/alerts/courier.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import type { Environment } from '../../src/batch/secrets.js';
import type { ChannelSpec } from '../../src/contract/alerts.js';
import { canonicalJson } from '../../src/identity/canonical-json.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { alertFingerprint, type AlertCause } from '../../src/policy/alerts.js';
import { aDefinition } from './definition-fixture.js';

/** Notes what a look at a batch has found, and sends what is due. */
export interface Desk {
  /** What was found before and is not among these is over. */
  readonly note: (...causes: AlertCause[]) => Promise<void>;
  /** What was found before is over, and that is no good news. */
  readonly withdraw: () => Promise<void>;
  readonly send: () => Promise<number>;
}

interface DeskOptions {
  readonly folder: string;
  readonly ledger: Ledger;
  /** `KEY` is a secret of the agent's. */
  readonly env: Environment;
  readonly now: () => Date;
  readonly gatherMs?: number;
}

/** Of a batch with these channels. */
export async function alertDesk(
  alerts: readonly ChannelSpec[],
  { folder, ledger, env, now, gatherMs = 0 }: DeskOptions,
): Promise<Desk> {
  const artifacts = folderArtifactStore({ root: join(folder, 'artifacts') });
  const definition = aDefinition(folder, {
    agent: { use: 'command', command: ['true'], env: { KEY: '${env:KEY}' } },
    alerts,
  });
  const { sha256 } = await artifacts.put(Buffer.from(canonicalJson(definition)), 'application/json');
  const { PATH } = process.env;
  const look = (causes: readonly AlertCause[], end: true | 'untold') =>
    ledger.noteAlerts({
      batchName: 'nightly',
      batchId: 'batch:nightly:1',
      causes,
      isOver: () => end,
      routes: { definition: sha256, routes: routesOf(alerts), keepOpen: keepOpenRoutes(alerts) },
      gatherMs,
    });
  return {
    note: (...causes) => look(causes, true),
    withdraw: () => look([], 'untold'),
    send: () =>
      sendDue(
        { ledger, artifacts, env: { ...env, ...(PATH && { PATH }) }, now },
        new AbortController().signal,
      ),
  };
}

/** Jobs that a service refuses. */
export const cause = (jobs = 40, message = 'HTTP 401'): AlertCause => ({
  fingerprint: alertFingerprint('auth', 'nightly', 'claude', 'auth'),
  rule: 'auth',
  subject: 'claude',
  errorClass: 'auth',
  detail: {
    headline: 'claude refuses the credentials',
    jobs,
    of: 100,
    examples: [{ key: 'a'.repeat(32), title: 'blog / <b>one</b>', message }],
    next: [{ what: 'put the credentials right, then go on', command: 'nightshift retry nightly' }],
  },
});
