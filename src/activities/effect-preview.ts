import { effectsOf } from '../batch/effects.js';
import { readDefinition, readTickets } from '../batch/manifest.js';
import { fieldsKnown } from '../batch/schema-walk.js';
import { shortenedTo } from '../batch/shown.js';
import { shownOptions, type ShownOption } from '../batch/shown-options.js';
import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import type { JsonObject } from '../contract/json.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { messageOf } from '../contract/thrown.js';
import type { Approval, Ledger } from '../ledger/ledger.js';
import { loadPublisher } from './load-adapter.js';
import type { PublisherModule } from './publishers/publisher.js';
import { requestSha256Of } from './try-effect.js';

/** What an effect is sent with, for a person who is to say yes to it. Free of secrets, and bounded. */
export interface EffectPreview {
  /** What it comes to, in the words of its publisher, the most telling first: `12.50 EUR to cus_…`. */
  readonly says: readonly string[];
  /** Its options, filled in for this job. */
  readonly options: readonly ShownOption[];
}

/** An effect that was asked for, as its batch has it stored. */
export interface AskedEffect {
  readonly definition: Definition;
  readonly effect: Effect;
  readonly preview: EffectPreview;
}

const SAYS_MAX = 12;
const SAID_MAX = 200;

interface Stored {
  readonly ledger: Pick<Ledger, 'batch'>;
  readonly artifacts: ArtifactStore;
}

/**
 * What approvals are about. The batch may have been started again from other contents since, or its store may have lost
 * it: what is found has the very hash that was asked about, and all else is absent.
 */
export async function askedEffects(
  approvals: readonly Approval[],
  stored: Stored,
): Promise<ReadonlyMap<Approval, AskedEffect>> {
  const found = new Map<Approval, AskedEffect>();
  for (const batchId of new Set(approvals.map((approval) => approval.batchId))) {
    const asked = approvals.filter((approval) => approval.batchId === batchId);
    try {
      for await (const [approval, effect] of askedOf(batchId, asked, stored)) found.set(approval, effect);
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error; // lost: whoever looks is told that it is not known
    }
  }
  return found;
}

async function* askedOf(
  batchId: string,
  asked: readonly Approval[],
  { ledger, artifacts }: Stored,
): AsyncGenerator<readonly [Approval, AskedEffect]> {
  const row = await ledger.batch(batchId);
  if (row === undefined) return;
  const manifest = readManifestRef(row.manifest);
  const definition = await readDefinition(manifest, artifacts);
  const left = new Set(asked.map(({ jobKey }) => jobKey));
  for await (const { job } of readTickets(manifest, artifacts)) {
    if (!left.delete(job.key)) continue;
    const effects = effectsOf(definition, job);
    for (const approval of asked) {
      const effect = effects.find((one) => isAskedBy(approval, one));
      if (effect)
        yield [approval, { definition, effect, preview: await previewOfEffect(effect, definition) }];
    }
    if (left.size === 0) return;
  }
}

const isAskedBy = ({ effectKey, requestSha256, artifact, revision }: Approval, effect: Effect): boolean =>
  effect.key === effectKey && requestSha256Of(effect, artifact, revision) === requestSha256;

/** An adapter that can't be loaded here has no words for it; its options are shown all the same. */
export async function previewOfEffect(
  { use, with: options }: Pick<Effect, 'use' | 'with'>,
  { baseDir }: Pick<Definition, 'baseDir'>,
): Promise<EffectPreview> {
  const module = await moduleOf(use, baseDir);
  return {
    says: module ? saidBy(module, options) : [],
    options: shownOptions(options, fieldsKnown(module?.options)),
  };
}

async function moduleOf(use: string, baseDir: string): Promise<PublisherModule | undefined> {
  try {
    return await loadPublisher(use, baseDir);
  } catch (error) {
    if (error instanceof AdapterError) return undefined;
    throw error;
  }
}

/** A publisher that fails here, which none should, keeps nobody from his answer. */
function saidBy(module: PublisherModule, options: JsonObject): readonly string[] {
  let said: readonly string[];
  try {
    said = module.preview?.(options) ?? [];
  } catch (error) {
    said = [`${module.name} can’t say what it comes to: ${messageOf(error)}`];
  }
  const shown = said.slice(0, SAYS_MAX).map((text) => shortenedTo(text, SAID_MAX));
  return said.length > SAYS_MAX ? [...shown, `and ${said.length - SAYS_MAX} more`] : shown;
}

/** Of effects of a batch that wait for a yes, by job key. */
export async function askedInShort(
  batchId: string,
  stored: Stored & { readonly ledger: Pick<Ledger, 'approvals'> },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const short = new Map<string, string[]>();
  for (const [{ jobKey }, { preview }] of await askedEffects(
    await stored.ledger.approvals({ batchId }),
    stored,
  ))
    short.set(jobKey, [...(short.get(jobKey) ?? []), shortPreview(preview)]);
  return short;
}

const SHORT_MAX = 160;

/** In one line, for lists. */
export const shortPreview = ({ says: [first], options }: EffectPreview): string =>
  first ?? shortenedTo(options.map(({ name, value }) => `${name} ${value}`).join(', '), SHORT_MAX);
