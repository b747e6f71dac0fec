import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { ProviderVerb, SessionHandle } from '../../activities/providers/provider.js';
import { resolveSecrets } from '../../batch/secrets.js';
import { AdapterError, ERROR_CLASSES } from '../../contract/errors.js';
import { parseOptions } from '../../activities/adapter-options.js';
import { rejection } from '../rejection.js';
import type { FaultKind, Faults } from '../conformance/subject.js';
import { spoilt } from '../spoilt.js';
import { bytesOf, type Carried } from './carry.js';
import { textOf, type Around, type Memory, type ProviderRig } from './rig.js';
import type { Behaviour } from './subject.js';

/** One line of the table. */
export interface ProviderRow {
  readonly check: string;
  readonly at: string;
  readonly ok: boolean;
  /** At the service, over all attempts of the run. */
  readonly started: number;
  readonly open: number;
  /** In our own books. */
  readonly ended: Carried['kind'] | '';
  readonly note: string;
}

/** One thing that a provider must stand; gives a row for each cell. */
export interface ProviderCheck {
  readonly name: string;
  run(rig: ProviderRig): AsyncGenerator<ProviderRow>;
}

type Fault = string | false | undefined;

const HANDLE_BYTES_MAX = 2048;
const CANCEL_MS_MAX = 60_000;
const SAVES_MAX = 12;

/** Whether a provider that remembers nothing finds what it started before. */
const findsUnremembered = ({ facts }: ProviderRig): boolean => facts.find !== 'signs-only';

async function row(
  rig: ProviderRig,
  check: string,
  at: string,
  memory: Memory | undefined,
  ended: ProviderRow['ended'],
  ...faults: readonly Fault[]
): Promise<ProviderRow> {
  const counted = memory ? await sum(rig, memory) : { started: 0, open: 0 };
  const note = faults.find((fault) => typeof fault === 'string') ?? '';
  return { check, at, ok: note === '', ...counted, ended, note };
}

async function sum(rig: ProviderRig, { request }: Memory): Promise<{ started: number; open: number }> {
  let [started, open] = [0, 0];
  for (let attempt = 1; attempt <= 4; attempt++) {
    const counted = await rig.count({ runKey: request.runKey, attempt });
    started += counted.started;
    open += counted.open;
  }
  return { started, open };
}

/** The promise in one place: no attempt is paid for twice, one that made something was paid for, and nothing is left. */
async function paidOnce(rig: ProviderRig, { request }: Memory, ends: readonly Carried[]): Promise<Fault> {
  for (const [index, { kind, ...end }] of ends.entries()) {
    const attempt = index + 1;
    const { started, open } = await rig.count({ runKey: request.runKey, attempt });
    const why = 'why' in end ? `: ${end.why}` : '';
    if (started > 1) return `attempt ${attempt} was paid for ${started} times`;
    if (kind === 'made' && started === 0) return `attempt ${attempt} made something that nobody started`;
    if (kind === 'not-started' && started > 0) return `attempt ${attempt} runs, and is said not to${why}`;
    if (kind === 'failed') return `attempt ${attempt} failed${why}`;
    if (kind === 'made' && open > 0) return `attempt ${attempt} left ${open} open`;
  }
  return ends.at(-1)?.kind !== 'made' && 'no attempt made anything';
}

async function* whole(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const memory = await rig.memory('whole');
  const provider = await rig.provider();
  const before = rig.handles.length;
  const none = await provider.find(memory.request, undefined, rig.context(memory));
  const spent = (await sum(rig, memory)).started;
  yield await row(
    rig,
    'carry',
    'find before a start',
    memory,
    '',
    none.kind === 'session' && 'it found a session that nobody started',
    spent > 0 && 'looking has started one',
  );
  const { ends } = await rig.carryJob(memory, { attemptsMax: 1 });
  const [end] = ends;
  yield await row(
    rig,
    'carry',
    'one session to its end',
    memory,
    end?.kind ?? '',
    await paidOnce(rig, memory, ends),
    end?.kind === 'made' && end.bytes.length === 0 && 'its output is empty',
  );
  yield await row(rig, 'handle', 'each that was saved', memory, '', ...handleFaults(rig, before, memory));
}

function handleFaults(rig: ProviderRig, from: number, { request }: Memory): Fault[] {
  const handles = rig.handles.slice(from);
  if (handles.length === 0) return ['no handle was ever saved'];
  return handles.map((handle): Fault => {
    const text = JSON.stringify(handle);
    if (handle.v !== 1) return 'its v is not 1';
    if (handle.provider !== rig.facts.name) return `it names the provider ${handle.provider}`;
    if (handle.runKey !== request.runKey || handle.attempt !== request.attempt)
      return 'it has another run key or attempt';
    return Buffer.byteLength(text) > HANDLE_BYTES_MAX && `it has ${Buffer.byteLength(text)} bytes`;
  });
}

/** Whoever comes next knows the saved handle, or nothing: both lead to the same session. */
async function* attaches(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const memory = await rig.memory('attach');
  const first = await rig.provider();
  const handle = await first.start(memory.request, undefined, rig.context(memory));
  memory.opened = true;
  memory.handle = JSON.parse(JSON.stringify(handle)) as SessionHandle;

  const second = await rig.provider();
  const again = await second.start(memory.request, memory.handle, rig.context(memory));
  const found = await second.find(memory.request, memory.handle, rig.context(memory));
  const same = (other: SessionHandle) => other.runKey === handle.runKey && other.attempt === handle.attempt;
  yield await row(
    rig,
    'attach',
    'start again, with its handle',
    memory,
    '',
    !same(again) && 'another session came back',
    found.kind !== 'session' && `find says ${found.kind}`,
    (await sum(rig, memory)).started > 1 && 'it was started twice',
  );
  if (findsUnremembered(rig)) {
    const third = await rig.provider();
    const blank = await rig.memory('attach', 'good', 1, memory);
    const seen = await third.find(memory.request, undefined, rig.context(blank));
    await third.start(memory.request, undefined, rig.context(blank));
    yield await row(
      rig,
      'attach',
      'start again, nothing remembered',
      memory,
      '',
      seen.kind === 'none' && 'find says none',
      (await sum(rig, memory)).started > 1 && 'the same run key was paid for twice',
    );
  }
  const end = await rig.carry(memory);
  const provider = await rig.provider();
  const context = rig.context(memory);
  yield await row(rig, 'attach', 'to its end', memory, end.kind, await paidOnce(rig, memory, [end]));
  const released = await outcome(() => provider.release?.(handle, context));
  const cancelled = await outcome(() => provider.cancel(handle, context));
  yield await row(rig, 'release', 'again; then cancel', memory, '', released, cancelled);
}

/** Collecting may be repeated until the release. */
async function* collects(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const memory = await rig.memory('collect');
  const provider = await rig.provider();
  const context = rig.context(memory);
  const handle = await provider.start(memory.request, undefined, context);
  const over = await rig.watch(provider, handle, context);
  if (over.kind !== 'succeeded') {
    yield await row(rig, 'collect', 'twice', memory, '', `it ended ${over.kind}`);
    return;
  }
  const one = await bytesOf(await provider.collect(handle, context));
  const other = await rig.provider();
  const two = await bytesOf(await other.collect(handle, context));
  yield await row(
    rig,
    'collect',
    'twice, by two workers',
    memory,
    '',
    !one.equals(two) && 'the second time it was something else',
    one.length === 0 && 'it is empty',
  );
  await provider.release?.(handle, context);
}

/** How sessions end that are asked what they used. */
const ENDS: readonly (readonly [Behaviour, string])[] = [
  ['good', 'of one with a result'],
  ['empty', 'of one with nothing to show'],
  ['long', 'of one that was cancelled'],
];

/** It is booked when a session ends, however that was, and a worker that dies before it has booked asks again. */
async function* uses(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  for (const [behaviour, at] of ENDS.filter(([name]) => rig.place.behaviours.includes(name))) {
    const memory = await rig.memory(`usage-${behaviour}`, behaviour);
    const provider = await rig.provider(behaviour);
    const context = rig.context(memory);
    const handle = await provider.start(memory.request, undefined, context);
    if (behaviour === 'long') await provider.cancel(handle, context);
    const over = await rig.watch(provider, handle, context, CANCEL_MS_MAX);
    // A worker that collects and finds nothing books all the same.
    if (over.kind === 'succeeded')
      await rejection(async () => bytesOf(await provider.collect(handle, context)));
    const other = await rig.provider(behaviour);
    const [one, two] = [await provider.usage(handle, context), await other.usage(handle, context)];
    const numbers = [one.inputTokens, one.outputTokens, one.cachedTokens, one.costMicros];
    yield await row(
      rig,
      'usage',
      at,
      memory,
      '',
      over.kind === 'running' && 'it still runs',
      !numbers.every((n) => Number.isSafeInteger(n) && n >= 0) &&
        `no whole numbers from 0: ${JSON.stringify(one)}`,
    );
    yield await row(
      rig,
      'usage',
      `${at}, again by another worker`,
      memory,
      '',
      !isDeepStrictEqual(one, two) && `it is told as ${JSON.stringify(one)}, then as ${JSON.stringify(two)}`,
    );
    await provider.release?.(handle, context);
  }
}

/** A worker that dies just before, or just after, each handle that it saves. */
async function* dies(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  for (let nth = 1; nth <= SAVES_MAX; nth++) {
    let reached = false;
    for (const when of ['before', 'after'] as const) {
      const memory = await rig.memory(`die-${when}-${nth}`);
      memory.opened = true; // the intent is in the ledger before a provider is asked for anything
      const died = await diesAt(rig, memory, nth, when);
      reached ||= died;
      if (!died) break;
      const { ends } = await rig.carryJob(memory);
      const at = `${when} save ${nth} is kept`;
      yield await row(rig, 'die', at, memory, ends.at(-1)?.kind ?? '', await paidOnce(rig, memory, ends));
    }
    if (!reached) return;
  }
}

/** Nothing after that point happens, as if the process had died. @returns whether it came there */
async function diesAt(
  rig: ProviderRig,
  memory: Memory,
  nth: number,
  when: 'before' | 'after',
): Promise<boolean> {
  const provider = await rig.provider();
  return new Promise((resolve, reject) => {
    let saves = 0;
    const context = rig.context(memory, async (handle) => {
      if (++saves !== nth) return;
      if (when === 'after') memory.handle = handle;
      resolve(true);
      await new Promise(() => undefined);
    });
    provider.start(memory.request, undefined, context).then(() => resolve(false), reject);
  });
}

/** Looks are alike, and differ in number with how long a session takes: the first is tried. */
async function* lostAnswers(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const { faults } = rig.place;
  if (!faults) return;
  // What is asked once only, such as for the agent of a name, is not asked again in the cells.
  await rig.carryJob(await rig.memory('first-requests'));
  const requests = await requestsOf(rig, faults);
  if ([...requests.values()].every((count) => count === 0)) {
    const why = 'no request was seen, so that none could be lost';
    yield await row(rig, 'lost answer', 'none', undefined, '', why);
  }
  for (const kind of faults.kinds)
    for (const [verb, count] of requests)
      for (let nth = 1; nth <= count; nth++) yield await lostAnswer(rig, faults, { kind, verb, nth, count });
}

interface LostAnswer {
  readonly kind: FaultKind;
  readonly verb: ProviderVerb;
  readonly nth: number;
  readonly count: number;
}

async function lostAnswer(
  rig: ProviderRig,
  faults: Faults,
  { kind, verb, nth, count }: LostAnswer,
): Promise<ProviderRow> {
  const memory = await rig.memory(`${kind}-${verb}-${nth}`);
  let made: number | undefined;
  const around: Around = async (asked, call) => {
    if (asked !== verb || made !== undefined) return call();
    faults.requests();
    faults.arm(kind, nth);
    try {
      return await call();
    } finally {
      faults.disarm();
      made = faults.requests();
    }
  };
  const { ends } = await rig.carryJob(memory, { around });
  await faults.idle();
  return row(
    rig,
    kind,
    `${verb}, request ${nth} of ${count}`,
    memory,
    ends.at(-1)?.kind ?? '',
    (made ?? 0) < nth && 'it was not made this time, so that nothing was lost',
    await paidOnce(rig, memory, ends),
  );
}

/** Of the first call of each verb, in the order in which a session comes to them. */
async function requestsOf(rig: ProviderRig, faults: Faults): Promise<ReadonlyMap<ProviderVerb, number>> {
  const requests = new Map<ProviderVerb, number>();
  const around: Around = async (verb, call) => {
    faults.requests();
    const answer = await call();
    if (!requests.has(verb)) requests.set(verb, faults.requests());
    return answer;
  };
  await rig.carryJob(await rig.memory('requests'), { around });
  return requests;
}

/** A handle of a session that never was, or that the service has forgotten. */
async function* unknown(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const memory = await rig.memory('unknown');
  const provider = await rig.provider();
  const context = rig.context(memory);
  const real = await provider.start(memory.request, undefined, context);
  const stranger = await rig.memory('stranger');
  const handle: SessionHandle = {
    ...(JSON.parse(JSON.stringify(real)) as SessionHandle),
    runKey: stranger.request.runKey,
    ids: strangeIds(real.ids),
  };
  const seen: string[] = [];
  for (let looks = 0; looks < 3; looks++) {
    const progress = await provider.poll(handle, context).catch((error: unknown) => {
      const { errorClass } = rig.classified(provider, error, 'poll');
      return { kind: errorClass };
    });
    seen.push(progress.kind);
  }
  const collected = await outcome(async () => bytesOf(await provider.collect(handle, context)));
  yield await row(
    rig,
    'unknown handle',
    'poll and collect',
    stranger,
    '',
    seen.includes('succeeded') && 'it is said to have succeeded',
    collected === undefined && 'something was collected',
  );
  yield await row(
    rig,
    'unknown handle',
    'cancel and release',
    stranger,
    '',
    await outcome(() => provider.cancel(handle, context), 'cancel'),
    await outcome(() => provider.release?.(handle, context), 'release'),
  );
  const end = await rig.carry(Object.assign(memory, { opened: true, handle: real }));
  yield await row(
    rig,
    'unknown handle',
    'the others are left alone',
    memory,
    end.kind,
    await paidOnce(rig, memory, [end]),
  );
}

/** Ids that look like those of the service; times and this host's name stay. */
const strangeIds = (ids: SessionHandle['ids']): SessionHandle['ids'] =>
  Object.fromEntries(
    Object.entries(ids).map(([name, id]) => {
      const isId = typeof id === 'string' && id !== hostname() && Number.isNaN(Date.parse(id));
      return [name, isId ? spoilt(id) : id];
    }),
  );

async function* cancels(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  if (!rig.place.behaviours.includes('long')) return;
  const memory = await rig.memory('cancel', 'long');
  const provider = await rig.provider('long');
  const context = rig.context(memory);
  const handle = await provider.start(memory.request, undefined, context);
  const running = await rig.watch(provider, handle, context, 0);
  const other = await rig.provider('long');
  const faults = [
    running.kind !== 'running' && `it was to go on, and is ${running.kind}`,
    await outcome(() => provider.cancel(handle, context), 'cancel'),
    await outcome(() => other.cancel(handle, context), 'cancel again'),
  ];
  const after = await rig.watch(other, handle, context, CANCEL_MS_MAX);
  const usage = await outcome(() => other.usage(handle, context), 'usage');
  yield await row(
    rig,
    'cancel',
    'twice, by two workers',
    memory,
    '',
    ...faults,
    after.kind === 'running' && 'it still runs',
    usage,
  );
  const released = await outcome(() => other.release?.(handle, context), 'release');
  const { open } = await sum(rig, memory);
  yield await row(rig, 'cancel', 'release', memory, '', released, open > 0 && `${open} left open`);
}

/** Ended well with nothing to show: no success. */
async function* empty(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  if (!rig.place.behaviours.includes('empty')) return;
  const memory = await rig.memory('empty', 'empty');
  const end = await rig.carry(memory);
  const rejected = end.kind !== 'made' && end.errorClass === 'rejected';
  yield await row(
    rig,
    'empty output',
    'ended well',
    memory,
    end.kind,
    !rejected && `it counts as ${end.kind === 'made' ? 'made' : end.errorClass}, not as rejected`,
  );
}

async function* credentials(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const { env = {} } = rig.place;
  const names = Object.keys(env);
  if (names.length === 0) return;
  const memory = await rig.memory('credentials');
  const provider = await rig.provider('good', {});
  const end = await rejection(() => provider.start(memory.request, undefined, rig.context(memory)));
  const said = end === undefined ? undefined : rig.classified(provider, end, 'start');
  yield await row(
    rig,
    'credentials',
    'missing at the start',
    memory,
    '',
    said === undefined && 'it was started without',
    said !== undefined &&
      said.errorClass !== 'config' &&
      said.errorClass !== 'auth' &&
      `class ${said.errorClass}`,
    said?.facts.sent === 'maybe' && 'it is said that something may have been sent',
    said !== undefined &&
      !names.some((name) => said.message.includes(name)) &&
      `no variable is named: ${said.message}`,
  );
  const { module } = rig;
  if (!module.preflight) return;
  const options = parseOptions(module, rig.place.options('good'), 'agent');
  const secret = (text: string) => resolveSecrets(text, {});
  const early = await rejection(async () => module.preflight?.({ options, baseDir: rig.dir, secret }));
  yield await row(
    rig,
    'credentials',
    'missing at the preflight',
    memory,
    '',
    !(early instanceof AdapterError) && 'the preflight finds nothing wrong',
    early instanceof AdapterError &&
      !names.some((name) => early.message.includes(name)) &&
      `no variable is named: ${early.message}`,
  );
}

const VERBS: readonly ProviderVerb[] = [
  'find',
  'start',
  'poll',
  'cancel',
  'collect',
  'usage',
  'release',
  'sweep',
];

function oddities(): readonly (readonly [string, unknown])[] {
  const circle: { cause?: unknown } & Error = new Error('a circle');
  circle.cause = circle;
  const trap = new Proxy(new Error('a trap'), {
    get: () => {
      throw new Error('do not touch');
    },
  });
  const terminated = new TypeError('terminated');
  return [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'boom'],
    ['a number', 0],
    ['an empty object', {}],
    ['an error', new Error('boom')],
    ['half an answer', terminated],
    ['broken JSON', new SyntaxError('Unexpected end of JSON input')],
    ['a circle of causes', circle],
    ['an object that bites', trap],
    ['a megabyte of words', new Error('x'.repeat(1024 * 1024))],
    ['strange fields', Object.assign(new Error('odd'), { status: 'no', headers: 7, body: {} })],
  ];
}

/** Every error gets a class, and none of its own makes the adapter fail; unclear is never "not sent" at a start. */
async function* errors(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const provider = await rig.provider();
  for (const [at, error] of oddities()) {
    const faults = VERBS.map((verb): Fault => {
      let said: AdapterError;
      try {
        said = provider.classify(error, verb);
      } catch (thrown) {
        return `classify throws during ${verb}: ${textOf(thrown)}`;
      }
      if (!(said instanceof AdapterError)) return `during ${verb} it gives no AdapterError`;
      if (!ERROR_CLASSES.includes(said.errorClass)) return `during ${verb} its class is ${said.errorClass}`;
      if (said.message.length > 10_000)
        return `during ${verb} its message has ${said.message.length} characters`;
      const unclear = verb === 'start' && said.facts.sent !== 'maybe';
      return unclear && `during start it is taken for not sent [sent=${said.facts.sent ?? 'absent'}]`;
    });
    yield await row(rig, 'errors', at, undefined, '', ...faults);
  }
}

async function* secrets(rig: ProviderRig): AsyncGenerator<ProviderRow> {
  const planted = Object.values(rig.place.env ?? {}).filter((value) => value.length >= 6);
  if (planted.length === 0) return;
  const shows = (text: string) => planted.some((secret) => text.includes(secret));
  const inHandle = rig.handles.some((handle) => shows(JSON.stringify(handle)));
  yield await row(
    rig,
    'secrets',
    `in ${rig.handles.length} handles`,
    undefined,
    '',
    inHandle && 'one is saved in a handle',
  );
  const message = rig.messages.find(shows);
  yield await row(
    rig,
    'secrets',
    `in ${rig.messages.length} messages`,
    undefined,
    '',
    message !== undefined && `one is shown, in the message that begins: ${message.slice(0, 20)}`,
  );
}

async function outcome(act: () => Promise<unknown> | undefined, what = 'it'): Promise<Fault> {
  const error = await rejection(act);
  if (error === undefined) return undefined;
  return `${what} failed: ${textOf(error)}`;
}

/** In this order: the last ones look at what the others left. */
export const PROVIDER_CHECKS: readonly ProviderCheck[] = [
  { name: 'carry', run: whole },
  { name: 'attach', run: attaches },
  { name: 'collect', run: collects },
  { name: 'usage', run: uses },
  { name: 'die', run: dies },
  { name: 'lost-answer', run: lostAnswers },
  { name: 'unknown', run: unknown },
  { name: 'cancel', run: cancels },
  { name: 'empty', run: empty },
  { name: 'credentials', run: credentials },
  { name: 'errors', run: errors },
  { name: 'secrets', run: secrets },
];
