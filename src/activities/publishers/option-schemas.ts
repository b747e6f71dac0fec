/** Schemas that the options of several publishers share. */
import { z } from 'zod';
import { durationMs, type Duration } from '../../contract/batch-file.js';
import { safeWindowMs } from './http/window-key.js';

/** Root of a site. User and password have options of their own; queries and fragments mean nothing there. */
export const siteSchema = z.string().refine(isSite, {
  message: 'must be the http(s) URL of the site, without user, query and "#"',
});

function isSite(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

/** Whatever comes from a template is a text. */
export const yesOrNoSchema = z.union([
  z.boolean(),
  z.enum(['true', 'false']).transform((text) => text === 'true'),
]);

const REQUEST_MS_MAX = 120_000;

/** For services that remember keys: one request takes two minutes at most, and a second one has room in the window. */
export function checkKeyWindow(
  { keyWindow, timeout }: { readonly keyWindow: Duration; readonly timeout: Duration },
  context: z.RefinementCtx,
): void {
  const refuse = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (durationMs(timeout) > REQUEST_MS_MAX) refuse('timeout', 'can be 2m at most');
  if (safeWindowMs(durationMs(keyWindow), durationMs(timeout)) <= 0)
    refuse('keyWindow', 'is too short for a second request within it');
}
