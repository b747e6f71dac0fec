import type { FoundEffect } from '../../activities/publishers/publisher.js';
import type { Environment } from '../../batch/secrets.js';
import type { ErrorClass } from '../../contract/errors.js';
import { messageOf } from '../../contract/thrown.js';
import { spoilt } from '../spoilt.js';
import { firstOf, hasLanded, remark, row, type Fault, type Row } from './judge.js';
import type { Ending, Rig } from './rig.js';

/** A rehearsal looks, and the destination is the same after it: no request could have changed anything. */
export async function* rehearses(rig: Rig): AsyncGenerator<Row> {
  const there = rig.effect('rehearsed');
  await rig.run(there, (await rig.ledger()).ledger);
  yield await looked(rig, there, 'what is there', 'ours');
  yield await looked(rig, rig.effect('never-sent'), 'what is not', 'absent');
}

async function looked(
  rig: Rig,
  tested: ReturnType<Rig['effect']>,
  at: string,
  expected: FoundEffect['kind'],
): Promise<Row> {
  const { place, facts } = rig;
  const state = async () => JSON.stringify([await place.count(tested), await place.dump?.()]);
  const before = await state();
  const seen = place.methods?.().length ?? 0;
  const { value, error, refused } = await rig.look(tested);
  const sent = (place.methods?.() ?? []).slice(seen).filter((method) => !READING.has(method));
  const fault = firstOf(
    refused.length > 0 && `it tried more than to look: ${refused.join('; ')}`,
    sent.length > 0 && `it sent ${sent.join(', ')}`,
    (await state()) !== before && 'the destination is not as it was',
    error !== undefined && messageOf(error),
    facts.lookup === 'exact' && value?.kind !== expected && `it found ${value?.kind ?? 'nothing to ask'}`,
  );
  return remark('rehearsal', at, fault);
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Classes that a person puts right, and that are told before anything is sent. */
const OF_CREDENTIALS: ReadonlySet<ErrorClass> = new Set(['auth', 'config']);

/** Credentials that are missing, dead, or may not look: nothing is sent, and the class says whose turn it is. */
export async function* credentials(rig: Rig): AsyncGenerator<Row> {
  const { env = {}, blind } = rig.place;
  const names = Object.keys(env);
  if (names.length === 0) return;
  const missing = await attempt(rig, 'no-credentials', {});
  const { tried } = missing;
  const isNamed = 'message' in tried && names.some((name) => tried.message.includes(name));
  yield refusal('missing', missing, !isNamed && 'no variable is named');

  const deadEnv = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, dead(value)]));
  const ending = await attempt(rig, 'dead-credentials', deadEnv);
  // A place that takes any credentials, such as a stand-in, or has none, tells nothing of the publisher.
  if (!hasLanded(ending)) yield refusal('dead', ending);
  if (blind) yield refusal('may not look', await attempt(rig, 'blind-credentials', { ...env, ...blind }));
}

/** Of an address, only the password in it: it still leads to the place. */
function dead(value: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || !URL.canParse(value)) return spoilt(value);
  const url = new URL(value);
  if (url.password === '') return value;
  url.password = spoilt(url.password);
  return url.href;
}

const attempt = async (rig: Rig, slug: string, env: Environment): Promise<Ending> =>
  rig.run(rig.effect(slug), (await rig.ledger()).ledger, env);

function refusal(at: string, ending: Ending, more: Fault = undefined): Row {
  const { tried, counted } = ending;
  const errorClass = 'errorClass' in tried ? tried.errorClass : undefined;
  const fault = firstOf(
    hasLanded(ending) && 'it landed all the same',
    counted.visible + counted.hidden > 0 && 'something was sent',
    (errorClass === undefined || !OF_CREDENTIALS.has(errorClass)) &&
      `it ended ${tried.kind}, class ${errorClass ?? 'none'}${'message' in tried ? `: ${tried.message}` : ''}`,
    more,
  );
  return row('credentials', at, ending, fault);
}
