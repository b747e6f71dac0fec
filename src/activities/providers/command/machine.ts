import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

/** Where a process id means something: one start of one machine, within one namespace of process ids. */
export interface Machine {
  readonly host: string;
  readonly bootId: string;
  /** Empty where the system knows no such namespaces. */
  readonly pidNamespace: string;
}

/** A process that no other can be taken for: process ids are used again, the time of a start is not. */
export interface ProcessIdentity extends Machine {
  /** Also the id of its group and session: the wrapper leads both. */
  readonly pid: number;
  /** Clock ticks since boot on Linux, a date elsewhere; only ever compared. */
  readonly started: string;
}

const run = promisify(execFile);
let here: Promise<Machine> | undefined;

/** This machine; asked once in a process. */
export const thisMachine = (): Promise<Machine> => (here ??= describeMachine());

async function describeMachine(): Promise<Machine> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid']);
    return { host: hostname(), bootId: stdout.trim(), pidNamespace: '' };
  }
  const [bootId, pidNamespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readlink('/proc/self/ns/pid'),
  ]);
  return { host: hostname(), bootId: bootId.trim(), pidNamespace };
}

/** A host may get another name while it runs, so the name alone tells nothing. */
export const isHere = (process: Machine, machine: Machine): boolean =>
  process.bootId === machine.bootId && process.pidNamespace === machine.pidNamespace;

/**
 * What became of a process of this machine. A dead one that nobody has reaped is dead; `reused` means that its id
 * now belongs to another.
 */
export async function fateOf({ pid, started }: ProcessIdentity): Promise<'alive' | 'dead' | 'reused'> {
  const found = process.platform === 'linux' ? fromProc(pid) : await fromPs(pid);
  if (!found) return 'dead';
  if (found.started !== started) return 'reused';
  return /^[ZX]/.test(found.state) ? 'dead' : 'alive';
}

interface Found {
  readonly state: string;
  readonly started: string;
}

function fromProc(pid: number): Found | undefined {
  try {
    // Not a disk but the kernel answers: a thread of the pool would take longer than the read.
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined; // gone, or going just now (ESRCH)
  }
}

/** Fields 3 and 22 of `/proc/<pid>/stat`. A program's name, field 2, may hold anything, `)` included. */
export function parseProcStat(stat: string): Found | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}

/** For systems without `/proc`. Zone and language are those that the wrapper uses, or the texts would differ. */
export async function fromPs(pid: number): Promise<Found | undefined> {
  try {
    const { stdout } = await run('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC0' },
    });
    const [, state, started] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(stdout) ?? [];
    return state === undefined || started === undefined ? undefined : { state, started };
  } catch {
    return undefined; // ps ends with 1 when there is no such process
  }
}
