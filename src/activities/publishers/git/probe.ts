import type { ProbeFinding, PublisherContext } from '../publisher.js';
import { GitFailed, gitError } from './errors.js';
import type { GitOptions } from './options.js';
import { branchRef, claimRef, type RemoteRefs } from './refs.js';
import type { Remote } from './remote.js';
import { succeeded, type OpenClone, type Repository } from './repository.js';

/** GIT_CONFIG_GLOBAL came with it; everything else that is used is older. */
const VERSION_MIN = [2, 32] as const;
/** Of no effect: no request has it. */
const NOBODY = '0'.repeat(32);

interface ProbeParts {
  readonly repository: Repository;
  readonly remote: Remote;
  readonly options: GitOptions;
  readonly context: PublisherContext;
}

/** Asks for the refs, fetches the branch, and rehearses a push: signed in, allowed to push, atomic. */
export async function probeRepository(parts: ProbeParts): Promise<ProbeFinding[]> {
  const { repository, remote, options, context } = parts;
  try {
    const version = succeeded('version', await repository.run({ args: ['version'] })).stdout.toString('utf8');
    const tooOld = versionFinding(version);
    if (tooOld) return [tooOld];
    const refs = await repository.remoteRefs(NOBODY, context.signal);
    return [...branchFindings(refs, remote, options), ...(await pushFindings(parts, refs))];
  } catch (error) {
    return [{ status: 'fail', detail: gitError(error, `probing ${remote.url}`).message }];
  }
}

/** Undefined where the version is new enough. Pure. */
export function versionFinding(said: string): ProbeFinding | undefined {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(said) ?? [];
  const isNew =
    Number(major) > VERSION_MIN[0] || (Number(major) === VERSION_MIN[0] && Number(minor) >= VERSION_MIN[1]);
  if (isNew) return undefined;
  return {
    status: 'fail',
    detail: `git ${major}.${minor} is too old`,
    fix: `install git ${VERSION_MIN.join('.')} or newer`,
  };
}

function branchFindings(refs: RemoteRefs, { url }: Remote, { branch }: GitOptions): ProbeFinding[] {
  if (refs.tip !== undefined) return [{ status: 'ok', detail: `${url} has the branch ${branch}` }];
  if (!refs.hasBranches)
    return [{ status: 'warn', detail: `${url} is empty; the first effect creates the branch ${branch}` }];
  const fix = 'create it, or name another in with.branch';
  return [{ status: 'fail', detail: `${url} has no branch ${branch}`, fix }];
}

async function pushFindings(
  { repository, remote, options, context }: ProbeParts,
  refs: RemoteRefs,
): Promise<ProbeFinding[]> {
  const { tip } = refs;
  if (tip === undefined) return [];
  const end = await repository.inClone(context.signal, async (clone: OpenClone) => {
    await clone.fetch(branchRef(options.branch), tip);
    return clone.rehearsePush(tip, claimRef(options.claims ?? 'refs', NOBODY, 1));
  });
  if (end.code === 0)
    return [{ status: 'ok', detail: `pushes to ${remote.url} are open to this user, and atomic` }];
  const { message } = gitError(new GitFailed('push', end), `rehearsing a push to ${remote.url}`);
  return [{ status: 'fail', detail: message }];
}
