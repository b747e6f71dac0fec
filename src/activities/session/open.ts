import { log } from '@temporalio/activity';
import { budgetInForce } from '../../batch/budget-in-force.js';
import { AdapterError, isOurs } from '../../contract/errors.js';
import type { NewSession, SessionRow } from '../../ledger/ledger.js';
import { isShared, type BudgetDecision } from '../../policy/budget.js';
import { noteStep } from '../../telemetry/step.js';
import { activityWriter } from '../deps.js';
import type { SessionHandle } from '../providers/provider.js';
import { sessionBudget } from './admit.js';
import { ask, isRemote, told, type SessionScope } from './scope.js';

/** The provider runs nothing for this attempt, or nobody will ever know: this attempt is over. */
export class SessionNotStarted extends Error {
  constructor(readonly reason: AdapterError) {
    super(reason.message);
  }
}

/**
 * Attaches to what is there, and starts only what surely is not.
 * @throws SessionNotStarted; OverBudget; HeldBack; AdapterError when the next try has to look first
 */
export async function openSession(scope: SessionScope): Promise<SessionHandle> {
  const { provider, context, claim, deps, reached } = scope;
  const open = claim.openSession;
  noteStep({
    'nightshift.agent_id': `${scope.session.runKey}#${scope.session.attempt}`,
    'nightshift.provider': provider.facts.name,
    'nightshift.session_attached': open ? 1 : 0,
  });
  const known = open?.handle as SessionHandle | undefined;
  if (open) {
    const running = await attach(scope, open, known);
    if (running !== undefined) return running;
  } else {
    const { runKey, attempt, work, jobKey, revision } = scope.request;
    const by = activityWriter(scope.ref.batchId, deps);
    const intent = { runKey, attempt, work, jobKey, revision, provider: provider.facts.name, by };
    await intend(scope, intent); // RA1
  }
  await reached('A2');
  const handle = await start(scope, known);
  await context.save(handle);
  await reached('A5');
  return handle;
}

/** The budget leaves no room for another session: nothing was started, and nothing written. */
export class OverBudget extends Error {
  constructor(readonly decision: Exclude<BudgetDecision, { kind: 'ok' }>) {
    super(decision.message);
  }
}

/** The intent, and what its session may cost set aside, in one transaction. */
async function intend(
  { deps, ref, claim, gate, definition, provider }: SessionScope,
  intent: NewSession,
): Promise<void> {
  const budget = await budgetInForce(ref.batchId, definition, deps);
  if (budget === undefined) return deps.ledger.intendSession(intent, claim.fence, gate);
  const within = sessionBudget(budget, provider.facts);
  const decision = await deps.ledger.reserveSession(intent, within, claim.fence, gate);
  if (decision.kind !== 'ok') throw new OverBudget(decision);
  for (const warning of decision.warnings) log.warn(warning);
  if (decision.warnings.some(isShared)) deps.alarm.look(ref.batchId);
}

/** The session of an earlier try. Undefined when it surely never started, or only has to be started. */
async function attach(
  scope: SessionScope,
  open: SessionRow,
  known: SessionHandle | undefined,
): Promise<SessionHandle | undefined> {
  const { provider, request, context, claim, deps } = scope;
  const { ledger } = deps;
  const { fence } = claim;
  if (open.state === 'started' && known !== undefined && known.phase !== 'prepared') {
    await ledger.attachSession(open, fence);
    return known;
  }
  const found = await ask(scope, 'find', () => provider.find(request, known, context));
  if (found.kind === 'session') {
    await context.save(found.handle);
    await ledger.attachSession(open, fence);
    return found.handle;
  }
  const { find, startIsIdempotent } = provider.facts;
  if (startIsIdempotent || (found.kind === 'none' && find === 'exact')) return undefined;
  const why = found.kind === 'unknown' ? found.why : 'the provider has no sure look-up';
  throw new SessionNotStarted(
    new AdapterError('lost', `a start got no answer, and ${why}: it may have run unseen`),
  );
}

async function start(scope: SessionScope, known: SessionHandle | undefined): Promise<SessionHandle> {
  const { provider, request, context, reached } = scope;
  const ledger: { trouble?: Error } = {};
  const save = async (handle: SessionHandle): Promise<void> => {
    if (isStarted(handle)) await reached('A4');
    await context.save(handle).catch((error: unknown) => {
      ledger.trouble = error instanceof Error ? error : new Error(String(error));
      throw error;
    });
    if (handle.phase === 'start-sent') await reached('A3');
  };
  let handle: SessionHandle;
  try {
    handle = await provider.start(request, known, { ...context, save });
  } catch (error) {
    if (context.signal.aborted) throw error;
    // Whatever the ledger says is no answer of the service: the next try looks for what this one has sent.
    if (ledger.trouble !== undefined) throw ledger.trouble;
    if (isOurs(error)) throw error;
    const reason = await told(scope, provider.classify(error, 'start'));
    // Perhaps it runs: the intent stays open, and the next try looks for it.
    if (reason.facts.sent === 'maybe') throw reason;
    throw new SessionNotStarted(reason);
  }
  await beganWell(scope, handle); // trouble of the ledger is none of the start
  return handle;
}

/** One that was only gone on with says nothing of starts. */
async function beganWell({ provider, claim, lane }: SessionScope, handle: SessionHandle): Promise<void> {
  const isNew = claim.openSession === undefined && isStarted(handle);
  if (isNew && isRemote(provider)) await lane.report('written');
}

const isStarted = ({ phase = 'started' }: SessionHandle): boolean => phase === 'started';
