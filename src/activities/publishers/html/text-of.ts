import { AdapterError } from '../../../contract/errors.js';

/** An artifact as text. @throws AdapterError `invalid`, `sent: 'no'`, where it is none */
export function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new AdapterError('invalid', 'the artifact is not UTF-8 text', { sent: 'no' }, { cause });
  }
}
