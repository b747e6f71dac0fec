import { AdapterError } from '../../../contract/errors.js';
import { UNSEEN } from '../unseen.js';

/** Of Amazon S3 in bytes, of Azure in characters; the smaller of the two for both. */
const NAME_BYTES_MAX = 1024;
/** Of Azure: a name has at most 254 parts between slashes. */
const PARTS_MAX = 254;

/** The one name below a prefix that is ours; see `conditions.ts`. */
export const PROBE_NAME = '.nightshift-probe';

/**
 * What is wrong with the name of an object, in words that go on after it; undefined when nothing is. Names come from
 * templates over fields of jobs, so they are taken for hostile.
 */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (UNSEEN.test(name)) return 'has a character that can’t be seen';
  if (name.includes('\\')) return 'has a backslash; write "/" between parts';
  if (name.startsWith('/')) return 'begins with "/"; names begin below the target';
  const parts = name.normalize('NFC').split('/');
  if (parts.length > PARTS_MAX) return `has ${parts.length} parts; ${PARTS_MAX} is the most`;
  for (const part of parts) {
    if (part === '') return 'has an empty part: a "/" at its end, or two in a row; is a field empty?';
    if (part === '.' || part === '..') return `has the part "${part}"`;
    if (part.endsWith('.')) return 'has a part that ends with a dot, which Azure drops';
    if (part === PROBE_NAME) return `has the part "${PROBE_NAME}", which is ours`;
  }
  const bytes = Buffer.byteLength(name.normalize('NFC'));
  return bytes > NAME_BYTES_MAX ? `has ${bytes} bytes; ${NAME_BYTES_MAX} is the most` : undefined;
}

/**
 * Prefix and name as one name, in NFC: two spellings of one name would be two objects.
 * @param prefix without slashes at its ends; may be empty
 * @throws AdapterError `invalid`
 */
export function objectName(prefix: string, name: string): string {
  const whole = prefix === '' ? name : `${prefix}/${name}`;
  // First by itself: a name that begins with a slash would hide behind the prefix.
  const fault = nameFault(name) ?? nameFault(whole);
  if (fault === undefined) return whole.normalize('NFC');
  throw new AdapterError('invalid', `with.key ${JSON.stringify(whole)} ${fault}`, { sent: 'no' });
}

/** Each part percent-encoded, the slashes between them kept. */
export const encodeName = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

/** Where people find an object, when the operator has said where the target is served. */
export const publicUrlOf = (base: string, name: string): string =>
  `${base.replace(/\/+$/, '')}/${encodeName(name.normalize('NFC'))}`;
