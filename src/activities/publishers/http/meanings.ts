import { AdapterError, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { refusal } from '../../http/refusal.js';
import { placeOf, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import { saidBy } from './said.js';

/** What a service's own word for an error means. */
export interface Meaning {
  readonly errorClass: ErrorClass;
  readonly sent: NonNullable<ErrorFacts['sent']>;
  readonly fix?: string;
}

export const rejected = (errorClass: ErrorClass, fix?: string): Meaning => ({
  errorClass,
  sent: 'rejected',
  ...(fix !== undefined && { fix }),
});

/** What a service has answered instead of doing it. */
export interface Refused {
  readonly answer: HttpAnswer;
  readonly request: Pick<HttpRequest, 'method' | 'url'>;
  readonly secrets: readonly string[];
  /** The service's word for it, for people; undefined where it gave none. */
  readonly word: string | undefined;
}

/**
 * The error of an answer by what its words mean. The facts' `code` is status and word.
 * @param words the first that has a meaning tells; where none has, the status does
 */
export function refusalByWord(
  meanings: Readonly<Record<string, Meaning>>,
  words: readonly (string | undefined)[],
  { answer, request: { method, url }, secrets, word }: Refused,
): AdapterError {
  const said = saidBy(answer, secrets);
  const plain = refusal(answer, { method, url }, said);
  const known = words.find((one) => one !== undefined && Object.hasOwn(meanings, one));
  const meaning = known === undefined ? undefined : meanings[known];
  if (!meaning) return plain;
  const code = `${answer.status}${word === undefined ? '' : ` ${word}`}`;
  const message = [
    `${method} ${placeOf(url)} was answered ${code}`,
    said === '' ? '' : `: ${said}`,
    meaning.fix === undefined ? '' : `; ${meaning.fix}`,
  ].join('');
  // What only reads may be asked again.
  const isRead = method === 'GET' && meaning.errorClass === 'unknown';
  return new AdapterError(isRead ? 'transient' : meaning.errorClass, message, {
    ...plain.facts,
    sent: meaning.sent,
    code,
  });
}
