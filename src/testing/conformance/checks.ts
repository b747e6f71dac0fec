import type { CrashPoint } from '../../activities/crash-points.js';
import { HOUR_MS, MINUTE_MS } from '../../contract/units.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { EffectUnderTest } from './effect-under-test.js';
import { canBeAsked, firstOf, hasLanded, judge, remark, row, type Row } from './judge.js';
import type { Ending, Rig } from './rig.js';
import { credentials, rehearses } from './sends-nothing.js';
import { takesBack } from './takes-back.js';

/** One thing that a publisher must stand; gives a row for each cell. */
export interface Check {
  readonly name: string;
  run(rig: Rig): AsyncGenerator<Row> | Generator<Row>;
}

const RACERS = 20;

async function* once(rig: Rig): AsyncGenerator<Row> {
  const tested = rig.effect('once', {
    text: '# Once\n\nUmlauts äöü, 日本語, 😀, "quotes", <b>tags</b> & ampersands.\n',
  });
  const { ledger } = await rig.ledger();
  const first = await rig.run(tested, ledger);
  const nothingWentWrong = { mayHold: false };
  yield judge('publish', 'once', first, rig.facts, nothingWentWrong);
  const again = await rig.run(tested, ledger);
  yield judge('publish', 'again, receipt at hand', again, rig.facts, nothingWentWrong);
  if (!canBeAsked(rig.facts)) return;
  for (let time = 1; time <= 3; time++) {
    const lost = (await rig.ledger()).ledger;
    yield judge('publish', `again, ledger lost (${time})`, await rig.run(tested, lost), rig.facts);
  }
}

async function* bigBody(rig: Rig): AsyncGenerator<Row> {
  const text = `# Big\n\n${'0123456789abcde '.repeat((2 * 1024 * 1024) / 16)}\n`;
  const tested = rig.effect('big-body', { text });
  const ending = await rig.run(tested, (await rig.ledger()).ledger);
  yield judge('publish', 'body of 2 MB', ending, rig.facts);
  const read = await rig.place.read?.(tested);
  if (read !== undefined)
    yield row('publish', '2 MB read back', ending, read.length < text.length && 'the body was cut');
}

async function* race(rig: Rig): AsyncGenerator<Row> {
  const shared = rig.effect('race-one-ledger');
  const { ledger } = await rig.ledger();
  const mayHold = rig.facts.lookup !== 'exact';
  yield* racers(rig, 'one ledger', shared, async () => ledger, mayHold);
  if (!canBeAsked(rig.facts)) return;
  const apart = rig.effect('race-no-ledger');
  yield* racers(rig, 'no ledger between them', apart, async () => (await rig.ledger()).ledger, false);
}

async function* racers(
  rig: Rig,
  at: string,
  tested: ReturnType<Rig['effect']>,
  ledgerOf: () => Promise<Ledger>,
  mayHold: boolean,
): AsyncGenerator<Row> {
  const ledgers = await Promise.all(Array.from({ length: RACERS }, ledgerOf));
  await Promise.all(ledgers.map((ledger) => rig.run(tested, ledger)));
  const [ledger] = ledgers;
  if (ledger) yield judge(`${RACERS} at once`, at, await rig.run(tested, ledger), rig.facts, { mayHold });
}

async function* crashes(rig: Rig): AsyncGenerator<Row> {
  for (const point of await rig.pointsOf(rig.effect('points'))) {
    const stop: Die = (tested, { ledger }) => rig.runUntil(tested, ledger, point);
    yield afterDying(rig, { how: 'crash', point }, stop);
    if (canBeAsked(rig.facts)) yield afterDying(rig, { how: 'crash', point, isLedgerLost: true }, stop);
  }
}

/** With the ledger at hand only: what is to be found without it does not depend on how the process died. */
async function* kills(rig: Rig): AsyncGenerator<Row> {
  for (const point of await rig.pointsOf(rig.effect('kill-points')))
    yield afterDying(rig, { how: 'kill', point }, (tested, { path }) => rig.killAt(tested, path, point));
}

/** @returns whether it came to the point where it is to die */
type Die = (tested: EffectUnderTest, opened: Awaited<ReturnType<Rig['ledger']>>) => Promise<boolean>;

/** Each death has an effect of its own: what another try has already brought to its end is no longer half done. */
async function afterDying(
  rig: Rig,
  { how, point, isLedgerLost = false }: { how: 'crash' | 'kill'; point: CrashPoint; isLedgerLost?: boolean },
  die: Die,
): Promise<Row> {
  const tested = rig.effect(`${how}-${point}${isLedgerLost ? '-lost' : ''}`.toLowerCase());
  const opened = await rig.ledger();
  const died = await die(tested, opened);
  const { ledger } = isLedgerLost ? await rig.ledger() : opened;
  const ending = await rig.run(tested, ledger);
  const at = isLedgerLost ? `${point}, ledger lost` : point;
  return died
    ? judge(how, at, ending, rig.facts)
    : row(how, at, ending, 'the point was not reached a second time');
}

async function* lostAnswers(rig: Rig): AsyncGenerator<Row> {
  const { faults } = rig.place;
  if (!faults) return;
  // What is asked once only, such as whether the destination is honest, is not asked again in the cells.
  await rig.run(rig.effect('first-requests'), (await rig.ledger()).ledger);
  faults.requests();
  await rig.run(rig.effect('requests'), (await rig.ledger()).ledger);
  const requests = faults.requests();
  for (const kind of faults.kinds) {
    for (let nth = 1; nth <= requests; nth++) {
      const tested = rig.effect(`${kind}-${nth}`);
      const { ledger } = await rig.ledger();
      faults.requests();
      faults.arm(kind, nth);
      const ending = await rig.run(tested, ledger);
      faults.disarm();
      await faults.idle();
      const settled: Ending = { ...ending, counted: await rig.place.count(tested) };
      const at = `request ${nth} of ${requests}`;
      yield faults.requests() < nth
        ? row(kind, at, settled, 'it was not made this time, so that nothing was lost')
        : judge(kind, at, settled, rig.facts);
    }
  }
}

async function* otherBody(rig: Rig): AsyncGenerator<Row> {
  if (!canBeAsked(rig.facts)) return;
  await rig.run(rig.effect('other-body'), (await rig.ledger()).ledger);
  const before = await rig.place.read?.(rig.effect('other-body'));
  const other = rig.effect('other-body', { text: '# Another text under the same key\n' });
  const ending = await rig.run(other, (await rig.ledger()).ledger);
  const after = await rig.place.read?.(other);
  const fault =
    (ending.counted.visible > 1 && `${ending.counted.visible} objects`) ||
    (before !== after && 'it was overwritten');
  yield row('other body', 'same key, ledger lost', ending, fault);
}

/** Names that destinations like to cut, fold, reserve, or take for a way out. */
const AWKWARD: Readonly<Record<string, string>> = {
  'one character': 'x',
  'upper case and dots': 'Mixed_Case.v2',
  Unicode: 'über-日本語',
  reserved: 'feed',
  '186 bytes': 'n'.repeat(186),
  '300 bytes': 'm'.repeat(300),
  'a way out': '../../way-out',
  'a line break': 'a\r\nBcc: b@example.org',
};

/** Kept exactly, or refused; never changed, and nothing left behind. */
async function* awkwardNames(rig: Rig): AsyncGenerator<Row> {
  for (const [at, slug] of Object.entries(AWKWARD)) {
    const ending = await rig.run(rig.effect(slug), (await rig.ledger()).ledger);
    const { visible, hidden } = ending.counted;
    const done = hasLanded(ending);
    const fault =
      (hidden > 0 && `${hidden} left over`) ||
      (visible !== (done ? 1 : 0) && `it ended ${ending.tried.kind}, and ${visible} are there`);
    yield row('names', at, ending, fault);
  }
}

async function* foreignObject(rig: Rig): AsyncGenerator<Row> {
  if (!rig.place.foreign) return;
  const tested = rig.effect('taken');
  const isUntouched = await rig.place.foreign(tested.slug);
  const ending = await rig.run(tested, (await rig.ledger()).ledger);
  const fault =
    (!(await isUntouched()) && 'somebody else’s object was touched') ||
    (ending.tried.kind !== 'held' && `it ended ${ending.tried.kind}, not held`) ||
    (ending.counted.visible + ending.counted.hidden > 0 && 'something of ours was left beside it');
  yield row('name taken', 'by somebody else', ending, fault);
}

/** Brought up to date in its place, or held as it was where nothing can be changed: never a second one. */
async function* revisions(rig: Rig): AsyncGenerator<Row> {
  const { ledger } = await rig.ledger();
  const first = await rig.run(rig.effect('revised'), ledger);
  yield judge('revision', '1', first, rig.facts);
  const next = rig.effect('revised', { revision: 2, text: '# Revised\n\nThe second text.\n' });
  const ending = await rig.run(next, ledger);
  const read = await rig.place.read?.(next);
  const { kind } = ending.tried;
  const fault = firstOf(
    ending.counted.visible !== 1 && `${ending.counted.visible} objects`,
    ending.counted.hidden > 0 && `${ending.counted.hidden} left over`,
    kind !== 'landed' && kind !== 'held' && `it ended ${kind}`,
    kind === 'landed' && read?.includes('second text') === false && 'the old text is still there',
  );
  yield row('revision', '2', ending, fault);
}

async function* people(rig: Rig): AsyncGenerator<Row> {
  if (rig.place.remove) {
    const tested = rig.effect('removed');
    const { ledger } = await rig.ledger();
    await rig.run(tested, ledger);
    await rig.place.remove(tested);
    const ending = await rig.run(rig.effect('removed', { revision: 2 }), ledger);
    yield row(
      'a person',
      'removed it',
      ending,
      ending.tried.kind !== 'held' && `it ended ${ending.tried.kind}, not held`,
    );
  }
  if (rig.place.edit) {
    const tested = rig.effect('edited');
    const { ledger } = await rig.ledger();
    await rig.run(tested, ledger);
    await rig.place.edit(tested);
    const before = await rig.place.read?.(tested);
    const ending = await rig.run(rig.effect('edited', { revision: 2, text: '# Ours again\n' }), ledger);
    const after = await rig.place.read?.(tested);
    const fault =
      (before !== after && 'the edit was overwritten') ||
      (ending.tried.kind !== 'held' && `it ended ${ending.tried.kind}, not held`);
    yield row('a person', 'edited it', ending, fault);
  }
}

/** An answer is lost, and the next try comes while the key is still remembered, and then after that. */
async function* keyWindow(rig: Rig): AsyncGenerator<Row> {
  const { keyWindowMs, lookup } = rig.facts;
  const { faults } = rig.place;
  if (keyWindowMs === undefined || !faults?.kinds.includes('drop-answer')) return;
  const moments = [
    { slug: 'remembered-key', at: 'just before it is forgotten', afterMs: keyWindowMs - MINUTE_MS },
    { slug: 'forgotten-key', at: 'after it was forgotten', afterMs: keyWindowMs + HOUR_MS },
  ];
  for (const { slug, at, afterMs } of moments) {
    const tested = rig.effect(slug);
    const { ledger } = await rig.ledger();
    const isLost = await rig.loseAnswer(tested, ledger, faults);
    await rig.advance(afterMs);
    const ending = await rig.run(tested, ledger);
    const isForgotten = afterMs > keyWindowMs;
    yield isLost
      ? judge('key', at, ending, rig.facts, { mayHold: isForgotten && lookup !== 'exact' })
      : row('key', at, ending, 'the answer was not lost, so that no key was needed');
  }
}

function* secrets(rig: Rig): Generator<Row> {
  const planted = Object.values(rig.place.env ?? {}).filter((value) => value.length >= 6);
  if (planted.length === 0) return;
  const leak = rig.messages.find((message) => planted.some((secret) => message.includes(secret)));
  const fault = leak !== undefined && `one is shown, in the message that begins: ${leak.slice(0, 20)}`;
  yield remark('secrets', `in ${rig.messages.length} messages`, fault);
}

/** In this order: the last ones look at what the others left. */
export const CHECKS: readonly Check[] = [
  { name: 'publish', run: once },
  { name: 'big', run: bigBody },
  { name: 'race', run: race },
  { name: 'crash', run: crashes },
  { name: 'kill', run: kills },
  { name: 'lost-answer', run: lostAnswers },
  { name: 'other-body', run: otherBody },
  { name: 'names', run: awkwardNames },
  { name: 'name-taken', run: foreignObject },
  { name: 'revision', run: revisions },
  { name: 'people', run: people },
  { name: 'forgotten-key', run: keyWindow },
  { name: 'take-back', run: takesBack },
  { name: 'rehearsal', run: rehearses },
  { name: 'credentials', run: credentials },
  { name: 'secrets', run: secrets },
];
