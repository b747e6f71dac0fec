import { readIfWhole } from '../activities/read-artifact.js';
import type { Approval } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** What would leave. */
export interface ApprovalPreview {
  readonly action: 'create' | 'update';
  /** Undefined: the artifact is gone. */
  readonly bytes: number | undefined;
  /** The first lines of a text. */
  readonly head: readonly string[];
  /** Of an update whose earlier artifact is still stored. */
  readonly changed?: Changes;
}

export interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

const HEAD_LINES = 5;
const CHANGED_LINES = 8;
/** Beyond, a text is not compared. */
const COMPARED_BYTES = 1_000_000;

export async function previewOf(
  { artifact, updates }: Approval,
  { artifacts }: Pick<Connections, 'artifacts'>,
): Promise<ApprovalPreview> {
  const action = updates ? 'update' : 'create';
  const body = await readIfWhole(artifacts, artifact);
  const text = body && textOf(body);
  if (text === undefined) return { action, bytes: body?.byteLength, head: [] };
  const before = updates && (await readIfWhole(artifacts, updates.sha256));
  const earlier = before && textOf(before);
  return {
    action,
    bytes: body?.byteLength,
    head: text.split('\n').slice(0, HEAD_LINES),
    ...(earlier !== undefined && { changed: changesBetween(earlier, text) }),
  };
}

/** Undefined for what is no text. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength > COMPARED_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // a TypeError is the answer
  }
}

/** What stands between the lines that both begin with and those that both end with. */
export function changesBetween(before: string, after: string): Changes {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let from = 0;
  while (from < old.length && from < now.length && old[from] === now[from]) from++;
  let end = 0;
  while (
    end < old.length - from &&
    end < now.length - from &&
    old[old.length - 1 - end] === now[now.length - 1 - end]
  )
    end++;
  return {
    removed: old.slice(from, old.length - end).slice(0, CHANGED_LINES),
    added: now.slice(from, now.length - end).slice(0, CHANGED_LINES),
  };
}
