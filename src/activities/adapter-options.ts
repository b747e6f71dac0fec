import type { z } from 'zod';
import { findingsOf, type FieldFinding } from '../batch/issue-sentences.js';
import { pathText } from '../batch/shown.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import type { PublisherModule } from './publishers/publisher.js';

/** What an adapter or a check says of itself, as far as its options need it. */
export interface Taker<Options> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
}

export interface OptionsGiven {
  /** Secrets and templates filled in, as far as they are known. */
  readonly value: unknown;
  /** As messages may show it: secrets as references. The same shape as `value`, which it is unless given. */
  readonly shownAs?: unknown;
  /** Where an option stands in the batch file, for paths of the findings. */
  readonly place: (path: readonly PropertyKey[]) => readonly PropertyKey[];
  /** Whether a text is not known yet: what is said against its value says nothing then. */
  readonly isOpen?: (text: string) => boolean;
}

/** What an adapter has against its options; nothing when it takes them. Fields that are wrong or lacking, all of them. */
export function optionFindings(
  { options }: Pick<Taker<unknown>, 'options'>,
  { value, shownAs = value, place, isOpen = () => false }: OptionsGiven,
): FieldFinding[] {
  const parsed = options.safeParse(value);
  if (parsed.success) return [];
  const { issues } = parsed.error;
  const known = issues.filter(
    ({ code, path }) => code === 'unrecognized_keys' || !leadsTo(shownAs, path, isOpen),
  );
  // A module may bring its own safeParse, or one of another time: then its words are all there is.
  if ('_zod' in options) return findingsOf(options, shownAs, known, place);
  return known.map(({ path, message }) => ({
    path: place(path),
    at: 'value',
    message: `${pathText(place(path))}: ${message}`,
  }));
}

/**
 * Options as the adapter wants them, its defaults filled in.
 * @param where what the options belong to, for the message: `agent`, `effect "post"`
 * @param shownAs the options as messages may show them; see `optionFindings`
 * @param isOfJob whether such a text differs from job to job for its agent's sake
 * @throws AdapterError with everything that is wrong: `invalid` where only such texts are, and `config` else
 */
export function parseOptions<Options>(
  { name, options }: Taker<Options>,
  raw: unknown,
  where: string,
  shownAs: unknown = raw,
  isOfJob?: (text: string) => boolean,
): Options {
  const parsed = options.safeParse(raw);
  if (parsed.success) return parsed.data;
  const given = { value: raw, shownAs, place: (path: readonly PropertyKey[]) => ['with', ...path] };
  const findings = optionFindings({ options }, given);
  const hitsAll = !isOfJob || optionFindings({ options }, { ...given, isOpen: isOfJob }).length > 0;
  const why = findings.map(inOneLine).join('; ');
  throw new AdapterError(hitsAll ? 'config' : 'invalid', `${where}: ${name} can’t use its options: ${why}`, {
    sent: 'no',
  });
}

/** What a publisher has against options of one effect that its schema takes. */
export function faultOf(
  { fault }: Pick<PublisherModule, 'fault'>,
  { with: options, key }: Pick<Effect, 'with' | 'key'>,
  base: readonly PropertyKey[],
): FieldFinding[] {
  const found = fault?.(options, key);
  if (found === undefined) return [];
  const path = [...base, ...found.path];
  return [{ path, at: 'value', message: `${pathText(path)} ${found.message}`, hint: found.hint }];
}

/** A finding where there is no room for a second line. */
export const inOneLine = ({ message, hint }: { message: string; hint?: string | undefined }): string =>
  hint === undefined ? message : `${message} (${hint})`;

function leadsTo(value: unknown, path: readonly PropertyKey[], isOpen: (text: string) => boolean): boolean {
  const [part, ...rest] = path;
  if (typeof value === 'string') return isOpen(value);
  if (part === undefined || typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
    return false;
  return leadsTo((value as Record<PropertyKey, unknown>)[part], rest, isOpen);
}
