import { isDeepStrictEqual } from 'node:util';
import { loadPublisher } from '../activities/load-adapter.js';
import { requestSha256Of } from '../activities/try-effect.js';
import { effectsOf } from '../batch/effects.js';
import { definitionToShow } from '../batch/manifest.js';
import type { Batch } from '../batch/read-batch.js';
import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import { jobTitle, type Effect, type Job } from '../contract/job.js';
import type { JsonObject } from '../contract/json.js';
import { canonicalJson } from '../identity/canonical-json.js';
import type { LandedRequest } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** An effect that landed with options that the batch has no more. Nothing is sent again for that. */
export interface OtherOptions {
  readonly effectKey: string;
  readonly name: string;
  readonly title: string;
  /** Names of the options that differ. */
  readonly options: readonly string[];
}

/**
 * Effects of the present revision that landed with other options than the batch has now, those left aside that change
 * nothing of what is there (`handling` of the publisher). Only what is certain: the definition that is stored with the
 * batch it landed in has to give, with the artifact of the job, the very request that was sent.
 */
export async function otherOptions(
  { definition, jobs }: Pick<Batch, 'definition' | 'jobs'>,
  connections: Pick<Connections, 'ledger' | 'artifacts'>,
): Promise<readonly OtherOptions[]> {
  const ledger = await connections.ledger();
  const { work } = definition;
  const requests = await ledger.landedRequests(
    work,
    jobs.map(({ key }) => key),
  );
  const definitions = new Map<string, Definition>();
  for (const id of new Set(requests.map(({ batchId }) => batchId))) {
    const row = await ledger.batch(id);
    const then = row && (await definitionToShow(row, connections.artifacts));
    if (then && effectsText(then) !== effectsText(definition)) definitions.set(id, then);
  }
  const byEffect = new Map(
    requests.filter(({ batchId }) => definitions.has(batchId)).map((request) => [request.effectKey, request]),
  );
  const known = new Set([...byEffect.values()].map(({ jobKey }) => jobKey));
  const found: OtherOptions[] = [];
  for (const job of jobs) {
    if (!known.has(job.key)) continue;
    for (const effect of effectsOf(definition, job)) {
      const request = byEffect.get(effect.key);
      if (request?.revision !== job.revision || isOf(request, effect)) continue;
      const was = sentAs(request, job, effect);
      if (was === undefined || !isOf(request, was)) continue;
      const options = await differing(was, effect, definition.baseDir);
      const { key: effectKey, name } = effect;
      if (options.length > 0) found.push({ effectKey, name, title: jobTitle(job.identity), options });
    }
  }
  return found;

  /** The effect as the batch had it that it landed in, when that was last started. */
  function sentAs({ batchId }: LandedRequest, job: Job, { key }: Effect): Effect | undefined {
    const then = definitions.get(batchId);
    try {
      return then && effectsOf(then, job).find((effect) => effect.key === key);
    } catch (error) {
      if (error instanceof AdapterError) return undefined; // its fields were others then
      throw error;
    }
  }
}

const effectsText = ({ effects }: Definition): string => canonicalJson(effects);

const isOf = ({ sentSha256, artifact, revision }: LandedRequest, effect: Effect): boolean =>
  requestSha256Of(effect, artifact, revision) === sentSha256;

async function differing(was: Effect, is: Effect, baseDir: string): Promise<string[]> {
  if (was.use !== is.use) return ['use'];
  const { handling = [], options } = await loadPublisher(is.use, baseDir);
  const [before, now] = [options.safeParse(was.with), options.safeParse(is.with)];
  return [...new Set([...Object.keys(was.with), ...Object.keys(is.with)])].filter((name) => {
    if (handling.includes(name) || text(was.with, name) === text(is.with, name)) return false;
    if (before.success && now.success) return !isSameIn(before.data, now.data, name);
    // Such as for a secret that is only a reference here: what one side lacks may be the default of the other.
    return Object.hasOwn(was.with, name) && Object.hasOwn(is.with, name);
  });
}

/** As the publisher has it, its defaults filled in: writing one out changes nothing. */
const isSameIn = (before: unknown, now: unknown, name: string): boolean =>
  isRecord(before) &&
  isRecord(now) &&
  Object.hasOwn(before, name) &&
  Object.hasOwn(now, name) &&
  isDeepStrictEqual(before[name], now[name]);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const text = (options: JsonObject, name: string): string => canonicalJson(options[name] ?? null);

/** What `plan` says of one such effect. */
export const otherOptionsText = ({ name, options }: Pick<OtherOptions, 'name' | 'options'>): string =>
  `${name} landed with another ${options.join(', ')}; what is there stays so, unless a higher revision updates it`;

/** Effects that a message names. */
const NAMED_MAX = 3;

/** What is said of all of them before a start; nothing where there are none. */
export function otherOptionsWarning(found: readonly OtherOptions[]): string[] {
  if (found.length === 0) return [];
  const named = found
    .slice(0, NAMED_MAX)
    .map(({ name, title, options }) => `${name} of ${title}: ${options.join(', ')}`);
  const more = found.length > NAMED_MAX ? ` and ${found.length - NAMED_MAX} more` : '';
  return [
    `options were edited since they landed (${named.join('; ')}${more}): what is there stays so, unless a higher revision updates it`,
  ];
}
