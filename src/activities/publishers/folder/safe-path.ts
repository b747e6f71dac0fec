import { resolve } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import { UNSEEN } from '../unseen.js';

const SEGMENT_BYTES_MAX = 255; // of ext4, APFS, XFS, NTFS
const PATH_BYTES_MAX = 4095; // PATH_MAX of Linux without its end; includes the root, so it is an upper bound only

/** Names that Windows keeps for devices, with any extension: such a folder could not be copied there. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/** Temporary files of ours; one that a job could name might be taken for such a one and removed. */
export const TEMPORARY_NAME = /^\.[0-9a-f]{32}\.[0-9a-f]{12}\.tmp$/;

/**
 * What is wrong with a path inside a target, in words that go on after it; undefined when nothing is. Paths come
 * from templates over fields of jobs, so they are taken for hostile.
 */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (UNSEEN.test(path)) return 'has a character that can’t be seen';
  if (path.includes('\\')) return 'has a backslash; write "/" between folders';
  if (path.startsWith('/')) return 'is absolute; it must lie inside target';
  if (Buffer.byteLength(path.normalize('NFC')) > PATH_BYTES_MAX) return 'is too long';
  for (const segment of path.normalize('NFC').split('/')) {
    const fault = segmentFault(segment);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function segmentFault(segment: string): string | undefined {
  if (segment === '') return 'has an empty part: a "/" at its end, or two in a row; is a field empty?';
  if (segment === '.' || segment === '..') return `has the part "${segment}"`;
  if (segment.startsWith('-')) return 'has a part that begins with "-", which programs take for an option';
  if (/[. ]$/.test(segment)) return 'has a part that ends with a dot or a space, which some systems drop';
  if (segment.startsWith(' ')) return 'has a part that begins with a space';
  if (/^\.nightshift/i.test(segment)) return 'has a part that begins with ".nightshift", which is ours';
  if (TEMPORARY_NAME.test(segment)) return 'looks like a temporary file of ours';
  if (DEVICE.test(segment)) return `has the part "${segment}", which is a device on Windows`;
  const bytes = Buffer.byteLength(segment);
  if (bytes > SEGMENT_BYTES_MAX) return `has a part of ${bytes} bytes; ${SEGMENT_BYTES_MAX} is the most`;
  return undefined;
}

/** The path in NFC: two spellings of one name would be two files. @throws AdapterError `invalid` */
export function safePath(path: string): string {
  const fault = pathFault(path);
  if (fault === undefined) return path.normalize('NFC');
  throw new AdapterError('invalid', `with.path ${JSON.stringify(path)} ${fault}`, { sent: 'no' });
}

/**
 * Absolute folder of a target. `..` may lead it out of the batch file's folder, as long as nothing stands before
 * it: there the operator wrote it, further behind a field of a job may have.
 * @throws AdapterError `invalid`
 */
export function rootOf(target: string, baseDir: string): string {
  const refuse = (fault: string) =>
    new AdapterError('invalid', `target ${JSON.stringify(target)} ${fault}`, { sent: 'no' });
  if (UNSEEN.test(target)) throw refuse('has a character that can’t be seen');
  const segments = target
    .normalize('NFC')
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.');
  const first = target.startsWith('/') ? 0 : segments.findIndex((segment) => segment !== '..');
  if (first >= 0 && segments.slice(first).includes('..'))
    throw refuse('has ".." behind the name of a folder');
  return resolve(baseDir, target.normalize('NFC'));
}
