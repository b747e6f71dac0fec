import { AdapterError, type ErrorClass } from '../../../contract/errors.js';
import { refusal } from '../../http/refusal.js';
import { jsonOf, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import { errorsSchema } from './schemas.js';
import { shortenedTo } from '../../../batch/shown.js';

/** Ghost's own words for requests that it has surely not carried out, whatever the status. */
const REFUSED: Readonly<Record<string, ErrorClass>> = {
  BadRequestError: 'invalid',
  HostLimitError: 'exhausted',
  MaintenanceError: 'transient',
  NoPermissionError: 'auth',
  NotFoundError: 'config',
  NotImplementedError: 'config',
  RequestEntityTooLargeError: 'invalid',
  RequestNotAcceptableError: 'config',
  TooManyRequestsError: 'throttled',
  UnauthorizedError: 'auth',
  UpdateCollisionError: 'transient', // somebody saved it since we read it: the next look tells
  ValidationError: 'invalid',
};
const BAD_TOKEN = /^INVALID_(JWT|AUTH_HEADER)$/;
const SAID_MAX = 300;

/** What an answer outside 2xx means. */
export function ghostRefusal(answer: HttpAnswer, request: Pick<HttpRequest, 'method' | 'url'>): AdapterError {
  const error = firstError(answer);
  const plain = refusal(answer, request, error ? saidBy(error) : '');
  if (!error) return plain;
  const errorClass = BAD_TOKEN.test(error.code ?? '') ? 'auth' : REFUSED[error.type];
  if (errorClass === undefined) return plain;
  return new AdapterError(errorClass, `${plain.message}${fixFor(errorClass)}`, {
    ...plain.facts,
    sent: 'rejected',
  });
}

/** True where Ghost itself says that there is no such object; a proxy's 404 proves nothing. */
export const isGone = (answer: HttpAnswer): boolean =>
  answer.status === 404 && firstError(answer)?.type === 'NotFoundError';

function firstError(answer: HttpAnswer) {
  const parsed = errorsSchema.safeParse(jsonOf(answer));
  return parsed.success ? parsed.data.errors[0] : undefined;
}

function saidBy({
  message,
  context,
}: {
  readonly message: string;
  readonly context?: string | null | undefined;
}) {
  const text = context && context !== message ? `${message} ${context}` : message;
  const shown = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  return shortenedTo(shown, SAID_MAX);
}

function fixFor(errorClass: ErrorClass): string {
  if (errorClass === 'auth')
    return '; with.key must be the Admin API key of a custom integration, and this host’s clock must be right';
  return errorClass === 'config' ? '; is with.url the address of a Ghost 5 site?' : '';
}
