import { AdapterError, type ErrorClass } from '../../../contract/errors.js';
import { refusal } from '../../http/refusal.js';
import { jsonOf, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import { errorSchema, type WordPressError } from './schemas.js';
import { shortenedTo } from '../../../batch/shown.js';

const SIGN_IN = 'check username and application password (Users, Profile, Application Passwords)';
const MAY_NOT = `${SIGN_IN}, and whether the user still has the role author`;
const REST_ADDRESS = 'is with.url the root of a WordPress site, and with.restPath the path of its REST API?';
const SAID_MAX = 300;

interface Meaning {
  readonly errorClass: ErrorClass;
  readonly fix?: string;
}

/** WordPress’s own words for requests that it has surely not carried out. */
const REFUSED: Readonly<Record<string, Meaning>> = {
  application_passwords_disabled: {
    errorClass: 'auth',
    fix: 'the site has application passwords turned off',
  },
  empty_content: { errorClass: 'invalid' },
  incorrect_password: { errorClass: 'auth', fix: SIGN_IN },
  invalid_username: { errorClass: 'auth', fix: SIGN_IN },
  rest_cannot_assign_term: { errorClass: 'invalid', fix: 'the user may not assign these terms' },
  rest_cannot_create: { errorClass: 'auth', fix: MAY_NOT },
  rest_cannot_publish: { errorClass: 'auth', fix: 'the user needs the role author, or with.status: pending' },
  rest_invalid_param: { errorClass: 'invalid' },
  rest_no_route: { errorClass: 'config', fix: REST_ADDRESS },
  rest_not_logged_in: { errorClass: 'auth', fix: SIGN_IN },
};

/** What an answer outside 2xx means. */
export function wordpressRefusal(
  answer: HttpAnswer,
  request: Pick<HttpRequest, 'method' | 'url'>,
): AdapterError {
  const said = errorOf(answer);
  const plain = refusal(answer, request, said === undefined ? '' : saidBy(said));
  const { errorClass, fix } = meaningOf(answer.status, said, request.method) ?? {};
  if (errorClass === undefined) return plain;
  const text = fix === undefined ? plain.message : `${plain.message}; ${fix}`;
  return new AdapterError(errorClass, text, { ...plain.facts, sent: 'rejected' });
}

function meaningOf(
  status: number,
  said: WordPressError | undefined,
  method: HttpRequest['method'],
): Meaning | undefined {
  if (said !== undefined) {
    if (mayNotLook(said, method)) return { errorClass: 'auth', fix: MAY_NOT };
    return Object.hasOwn(REFUSED, said.code) ? REFUSED[said.code] : undefined;
  }
  // Not a word of WordPress: something before it has answered.
  if (status === 404) return { errorClass: 'config', fix: REST_ADDRESS };
  if ((status === 403 || status === 406) && method !== 'GET')
    return { errorClass: 'invalid', fix: 'a firewall in front of WordPress seems to refuse this content' };
  return undefined;
}

/**
 * With a password that is wrong or was revoked, some versions answer as to somebody who is not signed in; so they do to
 * a user who may not edit posts. Versions from 5.7 on say by `details` what is wrong with the parameter that asks for
 * drafts: a site may as well not know the status.
 */
function mayNotLook({ code, data }: WordPressError, method: HttpRequest['method']): boolean {
  if (method !== 'GET' || code !== 'rest_invalid_param' || data === undefined) return false;
  const { params, details } = data;
  const why = details['status']?.code;
  return Object.hasOwn(params, 'status') && (why === undefined || why === 'rest_forbidden_status');
}

/** The code of WordPress’s own error; undefined where somebody else has answered. */
export const codeIn = (answer: HttpAnswer): string | undefined => errorOf(answer)?.code;

function errorOf(answer: HttpAnswer) {
  const parsed = errorSchema.safeParse(jsonOf(answer));
  return parsed.success ? parsed.data : undefined;
}

function saidBy({ code, message }: { readonly code: string; readonly message: string }): string {
  const text = `${code} ${message}`.replace(/[\p{C}\s]+/gu, ' ').trim();
  return shortenedTo(text, SAID_MAX);
}
