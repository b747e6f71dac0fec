import { AdapterError } from '../../../contract/errors.js';
import { nameFault } from '../objects/object-name.js';

export interface BucketPlace {
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
}

/** Of Amazon and of compatible stores together; each has narrower rules of its own. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

/**
 * Bucket and prefix of `s3://bucket/prefix`, or of the same without `s3://`.
 * @throws AdapterError `invalid`
 */
export function placeOfTarget(target: string): BucketPlace {
  const refuse = (fault: string) =>
    new AdapterError('invalid', `target ${JSON.stringify(target)} ${fault}`, { sent: 'no' });
  const [bucket = '', ...rest] = target.replace(/^s3:\/\//, '').split('/');
  if (!BUCKET.test(bucket)) throw refuse('has no bucket’s name; write s3://bucket/prefix');
  const prefix = rest.join('/').replace(/\/$/, '');
  const fault = prefix === '' ? undefined : nameFault(prefix);
  if (fault !== undefined) throw refuse(`has a prefix that ${fault}`);
  return { bucket, prefix: prefix.normalize('NFC') };
}
