import { z } from 'zod';
import { durationMs, durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { yesOrNoSchema } from '../option-schemas.js';
import { branchFault } from './refs.js';
import { repositoryPathFault } from './repository-path.js';

const TIMEOUT_MS_MIN = 1_000;
const TIMEOUT_MS_MAX = 30 * 60_000;

const line = (what: string) =>
  z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[^<>\p{Cc}\p{Cs}]*$/u, { error: `${what} has "<", ">" or a control character` });

export const gitOptionsSchema = z
  .strictObject({
    path: z.string().describe('file inside the repository'),
    branch: z.string().default('main').describe('branch that gets the commits'),
    authorName: line('authorName').default('nightshift').describe('author and committer of the commits'),
    authorEmail: line('authorEmail').default('nightshift@localhost').describe('their address'),
    message: z
      .string()
      .optional()
      .describe('commit message, may be a template; our trailers are added below it'),
    date: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('date of the commits, may be a template; the time of the first try where left out'),
    claims: z
      .enum(['refs', 'tags'])
      .optional()
      .describe(
        'where the key is kept: refs/nightshift/… or, for hosts that refuse these, refs/tags/nightshift/…; found out where left out',
      ),
    allowWorkflows: yesOrNoSchema
      .default(false)
      .describe('allow paths whose files a host runs, such as .github/workflows'),
    sshKeyFile: z
      .string()
      .regex(/^\/[^\p{Cc}]*$/u, { error: 'must be an absolute path' })
      .optional()
      .describe('private key for ssh; the agent and the usual keys where left out'),
    token: secretSchema
      .regex(/^[\x21-\x7e]+$/, { error: 'has a character that no token has' })
      .optional()
      .describe('token or password for https, as a reference to a secret: ${env:GIT_TOKEN}'),
    user: z
      .string()
      .regex(/^[^:\p{Cc}]+$/u, { error: 'has a colon or a control character' })
      .default('x-access-token')
      .describe('user name that goes with the token'),
    timeout: durationSchema.default('2m').describe('longest time for one fetch or push'),
  })
  .superRefine(({ path, branch, allowWorkflows, timeout }, context) => {
    const timeoutMs = durationMs(timeout);
    if (timeoutMs < TIMEOUT_MS_MIN || timeoutMs > TIMEOUT_MS_MAX) {
      context.addIssue({ code: 'custom', path: ['timeout'], message: 'must be from 1s to 30m' });
    }
    const issues = [
      ['path', path, repositoryPathFault(path, allowWorkflows)],
      ['branch', branch, branchFault(branch)],
    ] as const;
    for (const [field, value, fault] of issues) {
      if (fault === undefined) continue;
      context.addIssue({ code: 'custom', path: [field], message: `${JSON.stringify(value)} ${fault}` });
    }
  });

export type GitOptions = z.infer<typeof gitOptionsSchema>;
