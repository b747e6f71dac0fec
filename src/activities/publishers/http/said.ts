import { AdapterError } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { jsonOf, type HttpAnswer } from '../../http/request.js';
import type { PublisherVerb } from '../publisher.js';
import { masked } from '../../../batch/masked.js';
import { shortenedTo } from '../../../batch/shown.js';

const SAID_MAX = 300;

/** Everything that a terminal would obey or a reader could not see. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** A text from outside as a message may show it: one line, cut, credentials that it repeats taken out. */
export function shownText(text: string, secrets: readonly string[] = []): string {
  return shortenedTo(masked(text, secrets).replace(UNSAFE, ' ').trim(), SAID_MAX);
}

/** What a service says about an error, in the fields where services say it; empty for a page made for browsers. */
export function saidBy(answer: HttpAnswer, secrets: readonly string[]): string {
  const value = jsonOf(answer);
  const message = messageIn(value);
  if (message !== undefined) return shownText(message, secrets);
  if (value !== undefined || /^\s*</.test(answer.body)) return '';
  return shownText(answer.body, secrets);
}

function messageIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const field of ['detail', 'message', 'title', 'error', 'error_description']) {
    const inner: unknown = (value as Record<string, unknown>)[field];
    const message =
      typeof inner === 'string' && inner !== '' ? inner : field === 'error' ? messageIn(inner) : undefined;
    if (message !== undefined) return message;
  }
  return undefined;
}

/** Gives every error of a verb a class; those that have one keep it. */
export function classified(error: unknown, during: PublisherVerb, name: string): AdapterError {
  if (error instanceof AdapterError) return error;
  const said = shownText(messageOf(error));
  const sent = during === 'lookup' || during === 'probe' ? 'no' : 'maybe';
  const isStop = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
  const message = `${during} failed [use=${name}]: ${said}`;
  return new AdapterError(isStop ? 'transient' : 'bug', message, { sent }, { cause: error });
}
