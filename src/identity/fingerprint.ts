import type { JsonObject } from '../contract/json.js';
import { canonicalJson } from './canonical-json.js';
import { sha256Hex } from './digest.js';

/**
 * What a job's payload was, in 64 hex characters: same key with another fingerprint is a conflict.
 * Order of fields, Unicode form and the way a number is written make no difference; the revision is not in it.
 */
export const fingerprint = (of: {
  readonly identity: Readonly<Record<string, string>>;
  readonly input: Readonly<JsonObject>;
}): string => sha256Hex(canonicalJson({ identity: of.identity, input: of.input }, inNfc));

const inNfc = (text: string): string => text.normalize('NFC');
