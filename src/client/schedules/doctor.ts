import { readSchedules, type WantedSchedule } from '../../batch/read-schedules.js';
import { InvalidBatch } from '../../contract/errors.js';
import { nextFire } from '../../policy/fire-times.js';
import { localTime } from '../../report/format.js';
import { shellWord } from '../../policy/shell-word.js';
import type { Connections } from '../connections.js';
import type { Finding } from '../doctor.js';
import { differencesOf } from './apply.js';
import { allSchedules, type EngineSchedule } from './find.js';

/** When the next nights are due, and whether that is what their files say. */
export async function scheduleFindings(connections: Connections): Promise<Finding[]> {
  const applied = await allSchedules(connections);
  const files = new Map<string, FileRead>();
  for (const { definition } of applied) {
    const { from } = definition;
    if (!files.has(from)) files.set(from, await readFile(from));
  }
  return [
    ...applied.map((schedule) => scheduleFinding(schedule, files.get(schedule.definition.from))),
    ...[...files].flatMap(([path, file]) => fileFindings(path, file, applied)),
  ];
}

type FileRead = { readonly schedules: readonly WantedSchedule[] } | { readonly why: string };

async function readFile(path: string): Promise<FileRead> {
  try {
    return await readSchedules(path);
  } catch (error) {
    if (!(error instanceof InvalidBatch)) throw error;
    return { why: error.problems[0]?.message ?? '' };
  }
}

function scheduleFinding({ definition, description }: EngineSchedule, file: FileRead | undefined): Finding {
  const { name, from, timeZone } = definition;
  const subject = `schedule ${name}`;
  const { paused, note } = description.state;
  if (paused) {
    const detail = `paused${note ? `: ${note}` : ''}; no night starts`;
    return { subject, status: 'warn', detail, fix: `nightshift schedule resume ${name}` };
  }
  const next = nextFire(definition, new Date());
  const due = next ? `next night ${localTime(next.toISOString(), timeZone)}` : 'never due again';
  const apply = applyCommand(from);
  if (file && 'schedules' in file) {
    const wanted = file.schedules.find((each) => each.name === name);
    if (!wanted) {
      const detail = `${due}; ${from} does not have it any more`;
      return { subject, status: 'warn', detail, fix: `nightshift schedule delete ${name}` };
    }
    const differences = differencesOf(definition, wanted);
    if (differences.length > 0) {
      const detail = `${due}; ${from} has changed since it was applied (${differences.join(', ')})`;
      return { subject, status: 'warn', detail, fix: apply };
    }
  }
  return next
    ? { subject, status: 'ok', detail: due }
    : { subject, status: 'warn', detail: due, fix: `change its times in ${from}, then: ${apply}` };
}

/** Of a schedules file that something was applied from: it can't be read here, or has what was never applied. */
function fileFindings(path: string, file: FileRead, applied: readonly EngineSchedule[]): Finding[] {
  if ('why' in file) {
    const detail = `${path} can't be read on this host, so it was not compared: ${file.why}`;
    return [{ subject: 'schedules file', status: 'warn', detail }];
  }
  const names = new Set(applied.map(({ definition }) => definition.name));
  return file.schedules
    .filter(({ name }) => !names.has(name))
    .map(({ name }) => ({
      subject: `schedule ${name}`,
      status: 'warn',
      detail: `is in ${path} and was never applied: it does not start`,
      fix: applyCommand(path),
    }));
}

const applyCommand = (path: string): string => `nightshift schedule apply ${shellWord(path)}`;
