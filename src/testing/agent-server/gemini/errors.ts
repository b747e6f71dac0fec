import { Refusal, type Reply } from '../http/call.js';

const JSON_TYPE = { 'content-type': 'application/json' };

/** `{"error":{"code":"<word>","message","details?"}}`. Source: ai.google.dev/gemini-api/docs/api-errors */
export const wordError = (
  status: number,
  code: string,
  message: string,
  details?: readonly object[],
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  body: { error: { code, message, ...(details && { details }) } },
});

/** The older shape, as all Google services write it: the HTTP status as `code`, the kind as `status`. */
export const classicError = (
  code: number,
  status: string,
  message: string,
  details?: readonly object[],
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status: code,
  headers: { ...JSON_TYPE, ...headers },
  body: { error: { code, message, status, ...(details && { details }) } },
});

export const refuse = (status: number, code: string, message: string): Refusal =>
  new Refusal(wordError(status, code, message));

export const notFound = (what: string): Refusal => refuse(404, 'not_found', `${what} not found.`);
export const invalid = (message: string): Refusal => refuse(400, 'invalid_request', message);
