import { AdapterError } from '../../contract/errors.js';
import { messageOf } from '../../contract/thrown.js';
import { rejection } from '../rejection.js';
import { firstOf, judge, row, type Fault, type Row } from './judge.js';
import type { Rig } from './rig.js';

/** What has landed is taken back once, however often that is asked; nothing else is, and nothing that a person made of it. */
export async function* takesBack(rig: Rig): AsyncGenerator<Row> {
  if (rig.facts.unpublish === undefined) return;
  yield* twice(rig);
  if (rig.place.edit && rig.place.read) yield* edited(rig);
}

async function* twice(rig: Rig): AsyncGenerator<Row> {
  const { ledger } = await rig.ledger();
  const neighbour = rig.effect('stays-there');
  const tested = rig.effect('taken-back');
  await rig.run(neighbour, ledger);
  const ending = await rig.run(tested, ledger);
  const faults: Fault[] = [];
  const counts: string[] = [];
  for (const time of ['once', 'twice']) {
    const error = await rejection(() => rig.takeBack(tested, ledger));
    faults.push(error !== undefined && `${time}: ${messageOf(error)}`);
    counts.push(JSON.stringify(await rig.place.count(tested)));
  }
  const counted = await rig.place.count(tested);
  const { value: found } = await rig.look(tested);
  // Of what is reversed, such as an invoice, the destination keeps both.
  const isGone = rig.facts.unpublish === 'reverse' || counted.visible === 0;
  const fault = firstOf(
    ...faults,
    !isGone && 'it is still there',
    rig.facts.unpublish === 'delete' && counted.hidden > 0 && `${counted.hidden} left over`,
    found?.kind === 'ours' && found.placed.visible && 'a look-up still shows it',
    counts[0] !== counts[1] && `the second time changed something: ${counts.join(', then ')}`,
  );
  yield row('take back', 'twice, by two workers', { ...ending, counted }, fault);
  yield judge('take back', 'others are left alone', await rig.run(neighbour, ledger), rig.facts);
}

async function* edited(rig: Rig): AsyncGenerator<Row> {
  const { ledger } = await rig.ledger();
  const tested = rig.effect('taken-back-edited');
  const ending = await rig.run(tested, ledger);
  await rig.place.edit?.(tested);
  const before = await rig.place.read?.(tested);
  const error = await rejection(() => rig.takeBack(tested, ledger));
  const after = await rig.place.read?.(tested);
  const counted = await rig.place.count(tested);
  const fault = firstOf(
    after !== before && 'what a person had edited was taken away, or changed',
    error === undefined && 'it is said to be taken back',
    error instanceof AdapterError &&
      error.errorClass !== 'conflict' &&
      `class ${error.errorClass}: ${error.message}`,
  );
  yield row('take back', 'what a person has edited', { ...ending, counted }, fault);
}
