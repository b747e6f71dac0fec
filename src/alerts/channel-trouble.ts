import { resolve } from 'node:path';
import type { FieldFinding } from '../batch/issue-sentences.js';
import type { Environment } from '../batch/secrets.js';
import { pathText } from '../batch/shown.js';
import { unsetFindings } from '../batch/unset-variables.js';
import type { ChannelOf, ChannelSpec } from '../contract/alerts.js';
import type { Definition } from '../contract/batch-file.js';
import type { Json } from '../contract/json.js';
import { isOnPath, lookAtProgram } from '../program-on-host.js';
import { channelName } from './channels/channel.js';

/**
 * What keeps channels of a batch from telling anybody, as far as it can be seen on this host without sending: variables
 * that are not set, programs that are not there. No batch waits for it or fails by it; people are warned.
 */
export async function channelTrouble(
  { alerts, deadMan, baseDir }: Pick<Definition, 'alerts' | 'deadMan' | 'baseDir'>,
  env: Environment,
): Promise<readonly FieldFinding[]> {
  const found: FieldFinding[] = [];
  for (const [at, spec] of alerts.entries()) {
    const place = (path: FieldFinding['path']) => ['alerts', at, ...path];
    const lacking = [
      ...unsetFindings(spec as Json, place, env),
      ...(spec.use === 'command' ? await programTrouble(spec, place(['command']), baseDir, env) : []),
    ];
    found.push(
      ...lacking.map((finding) => ({ ...finding, message: `${finding.message}; ${reachesNobody(spec)}` })),
    );
  }
  if (deadMan) {
    const unset = unsetFindings(deadMan, (path) => ['deadMan', ...path], env);
    found.push(
      ...unset.map((finding) => ({ ...finding, message: `${finding.message}; the monitor hears nothing` })),
    );
  }
  return found;
}

const reachesNobody = (spec: ChannelSpec): string => `the channel "${channelName(spec)}" reaches nobody`;

async function programTrouble(
  { command: [program = ''], env: own }: ChannelOf<'command'>,
  path: FieldFinding['path'],
  baseDir: string,
  env: Environment,
): Promise<FieldFinding[]> {
  const say = (message: string, hint: string): FieldFinding[] => [
    { path, at: 'value', message: `${pathText(path)}: ${message}`, hint },
  ];
  if (program.includes('/')) {
    const file = resolve(baseDir, program);
    switch (await lookAtProgram(file)) {
      case 'missing':
        return say(`there is no program ${file}`, 'paths are relative to the batch file');
      case 'not executable':
        return say(`${file} may not be run`, 'chmod +x it, or name its interpreter');
      case 'executable':
        return [];
    }
  }
  const searchPath = own?.['PATH'] ?? env['PATH'];
  if (searchPath === undefined || (await isOnPath(program, searchPath, baseDir))) return [];
  return say(`the program "${program}" is not on PATH (${searchPath})`, 'name it by its path');
}
