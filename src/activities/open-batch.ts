import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { judgeManifest, type Judged } from '../batch/judge-jobs.js';
import { readKeys } from '../batch/job-keys.js';
import { storedDefinition, type StoredJob } from '../batch/manifest.js';
import { readPermit } from '../batch/permit.js';
import { isFinished } from '../contract/states.js';
import type { BatchInput, OpenedBatch, StoredSlice, Ticket, Unfinished } from '../contract/messages.js';
import type { ArtifactStore } from '../contract/artifact.js';
import { jobTitle, type Effect } from '../contract/job.js';
import type { Permit } from '../contract/permit.js';
import type { Member } from '../ledger/ledger.js';
import { DIRECT_JOBS_MAX, partsOf } from '../policy/shards.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { needsSession } from '../policy/verdict.js';
import { PlacesAhead } from './ask-ahead.js';
import type { Deps } from './deps.js';
import { mustBeAbleTo } from './must-be-able-to.js';
import { openRun } from './open-run.js';
import { pinnedAgent } from './pin-agent.js';
import { pingStart } from './tell-monitor.js';
import { ticketOf } from './ticket.js';

/** Unfinished jobs named in the batch's own summary; the others are counted. */
const NOTES_MAX = 20;

/**
 * Opens a run in the ledger and compares every job of the manifest with what the ledger knows, in bulk: a batch
 * whose jobs are all done costs no child Workflow.
 */
export const openBatch =
  (deps: Deps) =>
  async (input: BatchInput): Promise<OpenedBatch> => {
    const { ledger, artifacts } = deps;
    const { workflowId: batchId = '', runId = '' } = activityInfo().workflowExecution ?? {};
    const permit = await readPermit(input.manifest, artifacts);
    const definition = await openRun(deps, input);
    if (input.retry) {
      const { by, keys, ...asOf } = input.retry;
      await ledger.requeue(batchId, by, { ...asOf, keys: await readKeys(keys, artifacts) });
    }
    await pingStart(deps, batchId, runId);

    const tickets: Ticket[] = [];
    const members: Member[] = [];
    const notes: Unfinished[] = [];
    const counts = { adopted: 0, parked: 0, held: 0 };
    let first: readonly Effect[] | undefined;
    const places = new PlacesAhead();
    let left: LeftToDo = 'effects';
    for await (const judged of judgeManifest(input.manifest, ledger, artifacts)) {
      cancellationSignal().throwIfAborted();
      const { job, offset, length, verdict, note, known, effects } = judged;
      members.push({
        work: input.work,
        jobKey: job.key,
        identity: job.identity,
        verdict,
        ...(note && { note }),
      });
      const notBegun = whyNotBegun(judged, permit);
      if (notBegun) {
        if (notBegun.counted) counts[notBegun.counted]++;
        if (notBegun.note && notes.length < NOTES_MAX)
          notes.push({ key: job.key, title: jobTitle(job.identity), ...notBegun.note });
        continue;
      }
      first ??= effects;
      places.add(job, effects, known);
      if (needsSession(job, known)) left = 'sessions';
      tickets.push(ticketOf({ job, offset, length }, effects, isFinished(known?.state)));
    }
    await ledger.setMembers(batchId, members);
    if (first !== undefined) await mustBeAbleTo(definition, { effects: first, places, left }, deps);
    const pinned = left === 'sessions' ? await pinnedAgent(definition, deps) : undefined;
    const provider = definition.agent.use;
    const hold = await ledger.holdOf({ batchId: undefined, work: input.work, provider });
    return {
      ...(await handOver(tickets, artifacts)),
      ...counts,
      notes,
      ...(pinned && { definition: await storedDefinition(pinned, artifacts) }),
      ...(hold && { pauseLevel: hold.level }),
    };
  };

interface NotBegun {
  /** As what the batch counts it; absent for those discarded, of which the ledger is asked at the end. */
  readonly counted?: 'adopted' | 'parked' | 'held';
  /** What the summary of the batch says of it. */
  readonly note?: Pick<Unfinished, 'state' | 'trouble'>;
}

/** Why no run of a job is begun; undefined where one is. */
function whyNotBegun(
  { verdict, note, known, effects }: Judged<StoredJob>,
  permit: Permit | undefined,
): NotBegun | undefined {
  switch (verdict) {
    case 'adopt':
      return { counted: 'adopted' };
    case 'discarded':
      return {};
    case 'parked':
    case 'held':
      return {
        counted: verdict,
        note: {
          state: verdict,
          trouble: { errorClass: known?.errorClass ?? 'bug', message: known?.errorMessage ?? verdict },
        },
      };
    case 'conflict':
      return {
        counted: 'held',
        note: { state: 'held', trouble: { errorClass: 'conflict', message: note ?? '' } },
      };
    case 'new':
    case 'resume':
    case 'update': {
      if (!permit || effects.some(({ key }) => permit.effects[key])) return undefined;
      // Not even its agent is asked: nothing of it may go out.
      const message = `left out by the plan of ${permit.plannedAt}`;
      return { counted: 'held', note: { state: 'waiting', trouble: { errorClass: 'conflict', message } } };
    }
  }
}

async function handOver(
  tickets: Ticket[],
  artifacts: ArtifactStore,
): Promise<Pick<OpenedBatch, 'tickets' | 'slices'>> {
  if (tickets.length <= DIRECT_JOBS_MAX) return { tickets, slices: [] };
  const slices: StoredSlice[] = [];
  for (const { index, from, count } of partsOf(tickets.length)) {
    const lines = tickets.slice(from, from + count).map((ticket) => JSON.stringify(ticket));
    const { sha256 } = await artifacts.put(Buffer.from(lines.join('\n')), 'application/jsonl');
    slices.push({ index, tickets: sha256, from, count });
  }
  return { tickets: [], slices };
}

/** Reads the part of a large batch that a shard carries. */
export const openShard =
  ({ artifacts }: Deps) =>
  async ({ tickets }: StoredSlice): Promise<Ticket[]> => {
    const text = new TextDecoder().decode(await artifacts.read(tickets));
    return text.split('\n').map((line) => JSON.parse(line) as Ticket);
  };
