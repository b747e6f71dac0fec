import { inOneLine } from '../activities/adapter-options.js';
import type { PublisherFacts } from '../activities/publishers/publisher.js';
import { effectsOf } from '../batch/effects.js';
import type { Batch } from '../batch/read-batch.js';
import { formatProblem } from '../contract/errors.js';
import { jobTitle } from '../contract/job.js';
import type { OpenQuestion } from '../ledger/ledger.js';
import { budgetLimits } from '../policy/budget.js';
import { dayEndsInTheNight } from '../policy/budget-day.js';
import { afterSilence } from '../policy/unknown-outcome.js';
import { isEngineConfigured } from '../engine/index.js';
import { blindBudget } from './blind-budget.js';
import { channelProblems } from './channel-problems.js';
import type { Connections } from './connections.js';
import { tooSmallBudget } from './too-small-budget.js';
import { foreignEdition } from './edition.js';
import { factsOf, irreversibleOf, type Irreversible } from './facts-of.js';
import { priceNotes } from './price-notes.js';
import { otherOptions, otherOptionsWarning, type OtherOptions } from './other-options.js';

/** What only a person can tell or put right, and a run goes on without; found out before anything starts. */
export interface Untold {
  /** Effect key -> why a run would hold it. */
  readonly held: ReadonlyMap<string, string>;
  /** Effect key -> what landed with other options than the batch has now. */
  readonly edited: ReadonlyMap<string, OtherOptions>;
  /** By name: effects that nothing takes back once they have landed, or of which that can't be told here. */
  readonly irreversible: ReadonlyMap<string, Irreversible>;
  /** About the batch as a whole. */
  readonly warnings: readonly string[];
}

/**
 * Effects that were sent without an answer and that no look-up and no key can settle any more; and destinations that
 * can't be asked at all, when the ledger knows nothing of the batch; what landed with other options than the batch has
 * now; channels that would reach nobody; an edition that no night of a schedule has; a budget that would hold nothing, or
 * let nothing start, or whose day ends in the night; sessions that are priced by guess. Asks no destination.
 */
export async function findUntold(batch: Batch, connections: Connections): Promise<Untold> {
  const [untold, channels, edited, edition, blind, tooSmall, prices] = await Promise.all([
    untoldEffects(batch, connections),
    channelWarnings(batch, connections),
    otherOptions(batch, connections),
    foreignEdition(batch, await connections.ledger()),
    blindBudget(batch, connections),
    tooSmallBudget(batch, connections),
    priceNotes(batch, connections),
  ]);
  const landed = otherOptionsWarning(edited);
  const budgets = [...tooSmall, ...blind, ...budgetWarnings(batch), ...prices];
  return {
    ...untold,
    edited: new Map(edited.map((one) => [one.effectKey, one])),
    warnings: [...(batch.notes ?? []), ...untold.warnings, ...landed, ...channels, ...edition, ...budgets],
  };
}

function budgetWarnings({ definition: { budget, deadline } }: Batch): string[] {
  if (budget === undefined) return [];
  const warning = dayEndsInTheNight(budgetLimits(budget), deadline, new Date());
  return warning === undefined ? [] : [warning];
}

/** Channels that would reach nobody. Workers of a configured engine may run on hosts that have what this one lacks. */
async function channelWarnings(batch: Batch, { config }: Connections): Promise<string[]> {
  if (isEngineConfigured(config)) return [];
  const problems = await channelProblems(batch, config.env);
  return problems.map(({ hint, ...problem }) =>
    formatProblem({ ...problem, message: inOneLine({ ...problem, hint }) }),
  );
}

async function untoldEffects(
  { definition, jobs }: Batch,
  connections: Connections,
): Promise<Omit<Untold, 'edited'>> {
  const ledger = await connections.ledger();
  const [first] = jobs;
  if (!first) return { held: new Map(), irreversible: new Map(), warnings: [] };
  const irreversible = new Map<string, Irreversible>();
  const factsByName = new Map<string, PublisherFacts>();
  for (const effect of effectsOf(definition, first)) {
    const facts = await factsOf(effect, definition.baseDir, connections);
    const final = irreversibleOf(facts);
    if (final !== undefined) irreversible.set(effect.name, final);
    if (facts && facts.lookup !== 'exact') factsByName.set(effect.name, facts);
  }
  const questions = (await ledger.openQuestions()).filter(({ work }) => work === definition.work);
  const renamed = renamedEffects({ definition, jobs }, questions);
  if (factsByName.size === 0) return { held: new Map(), irreversible, warnings: renamed };

  const held = new Map<string, string>();
  const onUnknown = new Map(definition.effects.map((effect) => [effect.name, effect.onUnknown]));
  for (const { effectKey, name, firstSentAt } of questions) {
    const facts = factsByName.get(name);
    if (!facts) continue;
    const next = afterSilence({
      facts,
      sameRequest: true,
      firstSentAt,
      now: new Date(),
      onUnknown: onUnknown.get(name) ?? 'hold',
    });
    if (next.kind === 'hold') held.set(effectKey, next.why);
  }
  const keys = jobs.map(({ key }) => key);
  const isNew = (await ledger.jobs(definition.work, keys)).size === 0;
  const { path } = await ledger.inspect();
  const warnings = isNew
    ? [...factsByName.values()].map(
        ({ name }) =>
          `${name} can’t say for sure what it has received: what was sent before, only the ledger knows (${path}, which knows none of these jobs)`,
      )
    : [];
  return { held, irreversible, warnings: [...new Set([...warnings, ...renamed])] };
}

/** An effect under another name or target is another effect: the one that got no answer is not in its way. */
function renamedEffects(
  { definition, jobs }: Pick<Batch, 'definition' | 'jobs'>,
  questions: readonly OpenQuestion[],
): string[] {
  const byKey = new Map(jobs.map((job) => [job.key, job]));
  return questions.flatMap(({ jobKey, effectKey, name, target }) => {
    const job = byKey.get(jobKey);
    if (!job || effectsOf(definition, job).some(({ key }) => key === effectKey)) return [];
    const title = jobTitle(job.identity);
    return [
      `${name} of ${title} (${target}) got no answer, and this batch does not name it any more: what it names instead is sent as well`,
    ];
  });
}
