import { Refusal, type Reply } from '../http/call.js';

/** `{"type":"error","error":{"type","message","details?":{"error_code"}},"request_id"}`; the id is filled in later. */
export const errorReply = (
  status: number,
  type: string,
  message: string,
  errorCode?: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: {
    type: 'error',
    error: { type, message, ...(errorCode !== undefined && { details: { error_code: errorCode } }) },
  },
});

export const refuse = (status: number, type: string, message: string, errorCode?: string): Refusal =>
  new Refusal(errorReply(status, type, message, errorCode));

export const invalid = (message: string): Refusal => refuse(400, 'invalid_request_error', message);
export const notFound = (what: string): Refusal => refuse(404, 'not_found_error', `${what} not found`);
