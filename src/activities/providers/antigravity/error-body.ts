import { fieldsOf, textField } from '../managed/record.js';

/** What a Gemini error says about itself, in one form for both of its shapes. */
export interface GeminiFault {
  /** Lower case, such as `rate_limit_exceeded`; absent on pages made for browsers. */
  readonly code?: string;
  readonly message: string;
  readonly details: readonly unknown[];
}

/**
 * Reads `{"error":{"code":"<word>",…}}` and the classic `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED",…}}`,
 * alone or in a list. Anything else is a fault without words.
 * Source: ai.google.dev/gemini-api/docs/api-errors; google.rpc.Status for the classic form.
 */
export function readFault(body: unknown): GeminiFault {
  const value = typeof body === 'string' ? parsed(body) : body;
  const first: unknown = Array.isArray(value) ? value[0] : value;
  const error = fieldsOf(first)['error'];
  if (typeof error === 'string') return { message: error, details: [] };
  const { code, details } = fieldsOf(error);
  const word = typeof code === 'string' ? code : textField(error, 'status');
  return {
    ...(word !== undefined && word !== '' && { code: word.toLowerCase().slice(0, 80) }),
    message: textField(error, 'message') ?? '',
    details: Array.isArray(details) ? details : [],
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // the page of a proxy
  }
}
