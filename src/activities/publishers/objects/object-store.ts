/**
 * What the publishers of objects need of a store. Each call is one request, sent once; what it throws is an
 * AdapterError whose `facts.sent` speaks of that request.
 */
export interface ObjectStore {
  /** Everything of an object's id that comes before its name. */
  readonly idBase: string;
  /** Between the words of a metadata field: Azure allows no hyphen there. */
  readonly separator: '-' | '_';
  /** Undefined where nothing has this name. */
  head(name: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /** Hash of the content; undefined where it is not this version any more. */
  sha256(name: string, etag: string, signal: AbortSignal): Promise<string | undefined>;
  /** @returns false where the condition was not met, and nothing was written */
  put(name: string, object: NewObject, when: Condition, signal: AbortSignal): Promise<boolean>;
  /** @returns false where the condition was not met; true also where nothing was there */
  remove(name: string, when: Condition, signal: AbortSignal): Promise<boolean>;
}

/** When a write may happen. `always`: the store can't be trusted with conditions, and the operator knows. */
export type Condition = 'absent' | 'always' | { readonly etag: string };

export interface StoredObject {
  readonly etag: string;
  /** Of the content, hexadecimal, where the store has computed it itself. */
  readonly md5: string | undefined;
  /** Field names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface NewObject {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly cacheControl?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Longest time for a request that carries a body, or reads one. */
export const BODY_TIMEOUT_MS = 110_000;
/** Longest time for any other. Two probes and a body stay below three minutes, the margin that publish leaves. */
export const REQUEST_TIMEOUT_MS = 20_000;
