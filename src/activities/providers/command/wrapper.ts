import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { thisMachine } from './machine.js';
import type { RunPaths } from './run-directory.js';

/**
 * Runs the program, and stays when the worker goes. POSIX sh; arguments: run directory, machine as JSON members,
 * program, its arguments.
 *
 *  W1. `pid.json` is made exclusively (`set -C` opens with O_EXCL) before the program is run: of any number of
 *      wrappers of one run directory one runs the program, and only once, so starting again is always safe.
 *  W2. `exit` is the last thing written; a reader takes a half-written one for none.
 *  W3. `exec` finds programs only: a program called `eval` or `exit` is not the shell's own.
 *  W4. Its last act kills its process group, itself included: what the program left behind there goes, and no
 *      process id can have been given to another meanwhile.
 *
 * Variables carry a prefix because one that the program is given would otherwise be changed for it.
 */
export const WRAPPER = `
nightshift_run=$1 nightshift_machine=$2
shift 2
nightshift_started() { shift 19; nightshift_started=$1; }
if [ -r "/proc/$$/stat" ]; then
  read -r nightshift_stat < "/proc/$$/stat"
  nightshift_started \${nightshift_stat##*) }
else
  nightshift_started=$(LC_ALL=C TZ=UTC0 ps -o lstart= -p $$ | sed 's/^ *//; s/ *$//')
fi
set -C
printf '{"v":1,"pid":%s,"started":"%s",%s}\\n' "$$" "$nightshift_started" "$nightshift_machine" \\
  > "$nightshift_run/pid.json" || exit 0
set +C
trap : TERM INT HUP
unset PWD OLDPWD SHLVL
( exec "$@" ) < "$nightshift_run/stdin" > "$nightshift_run/stdout" 2> "$nightshift_run/stderr" &
nightshift_child=$!
wait "$nightshift_child"
nightshift_rc=$?
while kill -0 "$nightshift_child" 2> /dev/null; do
  wait "$nightshift_child"
  nightshift_rc=$?
done
trap '' TERM INT HUP
printf '{"rc":%s,"at":"%s","stdoutBytes":%s}\\n' "$nightshift_rc" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \\
  "$(($(wc -c < "$nightshift_run/stdout") + 0))" > "$nightshift_run/exit"
kill -s KILL 0
`;

/**
 * Starts a wrapper in a process group of its own, cut loose from this process. Resolves when it was started, which
 * does not say that it won the claim.
 * @throws the system's error when nothing was started
 */
export async function spawnWrapper(
  paths: RunPaths,
  argv: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<void> {
  // Members of the object that the wrapper writes: it knows its own process id, we know the rest.
  const machine = JSON.stringify(await thisMachine()).slice(1, -1);
  const child = spawn('/bin/sh', ['-c', WRAPPER, 'nightshift-command', paths.dir, machine, ...argv], {
    cwd,
    env,
    detached: true,
    stdio: 'ignore',
  });
  await once(child, 'spawn'); // rejects with the error event
  child.unref();
}
