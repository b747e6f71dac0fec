/**
 * Names that say when, where or how often something ran. As part of an identity, such a field would make every run look
 * like new work, and all of it would be done and paid for again. What surely does is refused; what only reads so is noted,
 * for a name can't tell what stands in the field.
 */

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Never what something is, in whatever spelling (`run_id`, `runId`, `RUN-ID`). */
const EXACT = setOf(
  'date time datetime timestamp now today createdat updatedat startedat ' +
    'attempt attempts try retry run runid executionid sessionid batchid uuid guid nonce random seed ' +
    'index position row line rownumber linenumber',
);

/** The same, but newer in this list: batches may have run with them. */
const EXACT_NOTED = setOf('unixtime rowno lineno rowindex lineindex listindex itemindex jobindex');

/** Parts of a name that make it such a one where no part of it says more: `attempt_no`, `nowUtc`, but not `trySite`. */
const ALWAYS = setOf(
  'attempt attempts try tries retry retries run now today timestamp ts epoch nonce uuid guid random rand counter',
);
/** Only with an id: a session or a request may be what a job is about, the id of one hardly. */
const WITH_ID = setOf('run workflow session request trace span correlation execution invocation batch');
/** Only with a time: `createdBy` is a person. */
const WITH_TIME = setOf('created updated modified started finished generated current');

const IDS = setOf('id uid uuid guid');
const TIMES = setOf('at on date time datetime timestamp ts');
/** Say nothing more. */
const NEUTRAL = setOf(
  'id uid no nr num number count at date time datetime utc iso unix ms sec seconds millis last current seed',
);

/** What a program runs in, and how long a film lasts. */
const MEANT_OTHERWISE = setOf('runtime');

/** Goes on after the name of the field. */
export const VOLATILE_PROBLEM =
  'says when or how a job runs, not what it is; use "edition" for repeating work (its nominal date or period)';

/** True for names that may not be part of an identity. */
export const isVolatileField = (name: string): boolean => EXACT.has(joinedName(name));

/** Of the fields of an identity: those that read like such a name, for people. */
export const volatileNotes = (identity: readonly string[]): string[] =>
  identity
    .filter((name) => !isVolatileField(name) && soundsVolatile(name))
    .map(
      (name) =>
        `identity field "${name}" reads like one that says when or how a job runs: if its value is another at the next run, ` +
        'all of it is new work then, and paid for again; for work that repeats use "edition"',
    );

const joinedName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

function soundsVolatile(name: string): boolean {
  const joined = joinedName(name);
  if (EXACT_NOTED.has(joined)) return true;
  if (MEANT_OTHERWISE.has(joined)) return false;
  const words = wordsOf(name);
  return isVolatile(words.length > 1 ? words : inTwo(joined));
}

/** `runNumber`, `run_number` and `RUN-NUMBER` have two words; digits belong to none. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');

/** Two words written as one, such as `requestid`; one word where it can't be cut so. */
function inTwo(joined: string): string[] {
  const letters = joined.replace(/\d/g, '');
  for (const first of [...ALWAYS, ...WITH_ID, ...WITH_TIME]) {
    const rest = letters.slice(first.length);
    if (letters.startsWith(first) && (NEUTRAL.has(rest) || IDS.has(rest) || TIMES.has(rest)))
      return [first, rest];
  }
  return [letters];
}

function isVolatile(words: readonly string[]): boolean {
  const has = (of: ReadonlySet<string>) => words.some((word) => of.has(word));
  const all = (...sets: readonly ReadonlySet<string>[]) =>
    words.every((word) => sets.some((of) => of.has(word)));
  if (has(ALWAYS) && all(ALWAYS, WITH_ID, NEUTRAL)) return true;
  if (has(WITH_ID) && has(IDS) && all(WITH_ID, ALWAYS, NEUTRAL)) return true;
  return has(WITH_TIME) && has(TIMES) && all(WITH_TIME, NEUTRAL, TIMES);
}
