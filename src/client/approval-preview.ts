import type { AskedEffect, EffectPreview } from '../activities/effect-preview.js';
import { readIfWhole } from '../activities/read-artifact.js';
import { redactor } from '../activities/redact.js';
import type { Approval } from '../ledger/ledger.js';
import type { Environment } from '../batch/secrets.js';
import type { Connections } from './connections.js';
import type { Irreversible } from './facts-of.js';
import { shortenedTo } from '../batch/shown.js';

/** What would leave. */
export interface ApprovalPreview {
  readonly action: 'create' | 'update';
  /** Nothing takes it back once it has landed; `unknown` where the process that looks can't tell. */
  readonly irreversible?: Irreversible;
  /** What it is sent with. Undefined: its batch was started again since from other contents, or is not stored any more. */
  readonly sent: EffectPreview | undefined;
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
const LINE_MAX = 300;
/** Beyond, a text is not compared. */
const COMPARED_BYTES = 1_000_000;

/**
 * Computed where the person looks, from what is stored: neither the engine nor a log ever has it. Secrets are
 * references; the values of those that this process knows are taken out of all else, too.
 */
export async function previewOf(
  { artifact, updates }: Approval,
  asked: AskedEffect | undefined,
  irreversible: Irreversible | undefined,
  { artifacts, config }: Pick<Connections, 'artifacts' | 'config'>,
): Promise<ApprovalPreview> {
  const action = updates ? 'update' : 'create';
  const body = await readIfWhole(artifacts, artifact);
  const text = body && textOf(body);
  const before = updates && text !== undefined ? await readIfWhole(artifacts, updates.sha256) : undefined;
  const earlier = before && textOf(before);
  const preview = {
    action,
    ...(irreversible !== undefined && { irreversible }),
    sent: asked?.preview,
    bytes: body?.byteLength,
    head: text === undefined ? [] : text.split('\n').slice(0, HEAD_LINES).map(shortened),
    ...(text !== undefined && earlier !== undefined && { changed: changesBetween(earlier, text) }),
  } as const;
  return asked ? withoutSecrets(preview, asked, config.env) : preview;
}

function withoutSecrets(preview: ApprovalPreview, asked: AskedEffect, env: Environment): ApprovalPreview {
  const { agent, effects } = asked.definition;
  const named = [agent.with ?? {}, agent.env ?? {}, ...effects.map((spec) => spec.with)];
  const redact = redactor(named, env);
  const each = (lines: readonly string[]) => lines.map(redact);
  const { sent, head, changed } = preview;
  return {
    ...preview,
    sent: sent && {
      says: each(sent.says),
      options: sent.options.map(({ name, value }) => ({ name, value: redact(value) })),
    },
    head: each(head),
    ...(changed && { changed: { added: each(changed.added), removed: each(changed.removed) } }),
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
    removed: old
      .slice(from, old.length - end)
      .slice(0, CHANGED_LINES)
      .map(shortened),
    added: now
      .slice(from, now.length - end)
      .slice(0, CHANGED_LINES)
      .map(shortened),
  };
}

const shortened = (line: string): string => shortenedTo(line, LINE_MAX);
