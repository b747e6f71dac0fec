import { z } from 'zod';

/** RFC 5321 allows 64 and 254; RFC 5322 calls these characters an atom. */
const ADDRESS =
  /^(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$/;
/** Whatever has a meaning in a header: brackets, separators, group syntax, quotes, comments. */
const NAME = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}<>@,;:"\\()[\]]{1,128}$/u;

/** True for exactly one mailbox, `a@example.com` or `Name <a@example.com>`. */
export function isMailbox(text: string): boolean {
  const named = /^([^<]*\S) <([^<>]*)>$/.exec(text);
  return named ? NAME.test(named[1] ?? '') && ADDRESS.test(named[2] ?? '') : ADDRESS.test(text);
}

/** The bare address, in lower case: how a destination may spell a mailbox that was given with a name. */
export const addressOf = (mailbox: string): string =>
  (/<([^<>]*)>$/.exec(mailbox)?.[1] ?? mailbox).trim().toLowerCase();

/**
 * One mailbox. Strict, because what comes from a job must not add a recipient: line breaks, separators and group
 * syntax are refused, not repaired.
 */
export const mailboxSchema = z
  .string()
  .refine(isMailbox, 'must be one mail address, such as a@example.com or Name <a@example.com>');
