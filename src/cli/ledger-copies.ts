import type { Backup } from '../client/backup.js';
import { red } from '../report/line.js';
import type { Output } from './output.js';

type Copies = Backup['artifacts'];

/** What became of the artifacts of a backup or a restore, in a few words. */
export const copiesOf = (artifacts: Copies): string | undefined =>
  artifacts && `${artifacts.copied} copied, ${artifacts.present} there already [folder=${artifacts.folder}]`;

/** Names the artifacts that were left out. @returns whether there are any */
export function toldDamaged(artifacts: Copies, out: Output): boolean {
  for (const sha256 of artifacts?.damaged ?? []) {
    out.note([red('damaged'), `  artifact ${sha256} does not have the content of its name; it was left out`]);
  }
  return (artifacts?.damaged.length ?? 0) > 0;
}
