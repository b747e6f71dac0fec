import { isUtf8 } from 'node:buffer';
import { AdapterError } from '../../../contract/errors.js';
import type { BodyRequest, EffectRequest, FoundEffect } from '../publisher.js';
import { quotedTable } from './identifiers.js';
import type { PostgresOptions } from './options.js';
import type { EffectRow } from './statements.js';
import type { TableShape } from './table.js';

const HASH = /^[0-9a-f]{64}$/;

/** What a row under our key says. Pure. */
export function judgeRow(
  row: EffectRow | undefined,
  { effectKey, takenBack = false }: Pick<EffectRequest, 'effectKey' | 'takenBack'>,
  table: string,
  { unpublish, deletedColumn }: Pick<PostgresOptions, 'unpublish' | 'deletedColumn'>,
): FoundEffect {
  if (row === undefined) return { kind: 'absent' };
  const location = `${quotedTable(table)}, row ${effectKey}`;
  if (row.deleted && !takenBack) {
    const how = unpublish === 'mark' ? 'withdrawn or taken away' : 'taken away';
    return { kind: 'removed', location, why: `${how}: ${deletedColumn ?? 'its mark'} is set` };
  }
  const { revision, marked_sha256: marked, body_sha256: held, fingerprint } = row;
  if (revision === null || marked === null || !HASH.test(marked)) {
    return { kind: 'theirs', location, why: 'has our key but not our revision and hash' };
  }
  if (held !== null && held !== marked)
    return { kind: 'theirs', location, why: 'changed since it was published' };
  return {
    kind: 'ours',
    placed: {
      id: effectKey,
      sha256: marked,
      revision: Number(revision),
      ...(fingerprint !== null && { fingerprint }),
      visible: !row.deleted,
    },
  };
}

/**
 * A text column holds valid UTF-8 without NUL, nothing else.
 * @throws AdapterError `invalid`
 */
export function assertStorable(
  { body }: BodyRequest,
  { bodyColumn }: PostgresOptions,
  shape: TableShape,
): void {
  if (bodyColumn === undefined || shape.bodyType === 'bytes') return;
  const refuse = (why: string) =>
    new AdapterError('invalid', `the artifact ${why}; make "${bodyColumn}" a bytea column to keep it`, {
      sent: 'no',
    });
  if (!isUtf8(body)) throw refuse('is no UTF-8 text');
  if (body.includes(0)) throw refuse('has a NUL character, which text columns don’t take');
}
