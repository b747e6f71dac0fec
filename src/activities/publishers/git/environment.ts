import type { GitOptions } from './options.js';
import { isLoopback, type Remote } from './remote.js';

/** What git and ssh need of the worker's own environment: nothing that points git at other files or programs. */
const KEPT = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'SSH_AUTH_SOCK'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'GIT_SSL_CAINFO'],
  ...['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY'],
];

/** Settings that hold for every call, whatever a user's or system's file says: those are not read at all. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['protocol.allow', 'never'],
  ['protocol.ext.allow', 'never'],
  ...['https', 'http', 'ssh', 'git', 'file'].map((name) => [`protocol.${name}.allow`, 'always'] as const),
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['credential.helper', ''],
  // A redirect would carry the token to another host.
  ['http.followRedirects', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['submodule.recurse', 'false'],
  ['push.recurseSubmodules', 'no'],
  ['push.gpgSign', 'false'],
  ['advice.pushUpdateRejected', 'false'],
];

/**
 * Environment of a git process. A token travels here and not among the arguments, which every user of the machine
 * can list. Pure.
 * @param worker the worker's own environment
 */
export function gitEnvironment(
  worker: Readonly<Record<string, string | undefined>>,
  { scheme, url }: Remote,
  { token, user, sshKeyFile }: Pick<GitOptions, 'token' | 'user' | 'sshKeyFile'>,
): Record<string, string> {
  const settings = [...SETTINGS];
  if (token !== undefined && (scheme === 'https' || isLoopback(url))) {
    const basic = Buffer.from(`${user}:${token}`).toString('base64');
    settings.push(['http.extraHeader', `Authorization: Basic ${basic}`]);
  }
  return {
    ...Object.fromEntries(KEPT.flatMap((name) => (worker[name] === undefined ? [] : [[name, worker[name]]]))),
    LC_ALL: 'C', // its messages are read
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true', // answers nothing: a missing password is an error, not a question
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_SSH_COMMAND: sshCommand(sshKeyFile),
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
    ),
  };
}

function sshCommand(keyFile: string | undefined): string {
  const fixed =
    'ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4';
  // git gives this line to a shell.
  return keyFile === undefined
    ? fixed
    : `${fixed} -o IdentitiesOnly=yes -i '${keyFile.replaceAll("'", `'\\''`)}'`;
}
