/**
 * The key pair that signs receipts, as files: `receipts.key` (PKCS #8, PEM) and `receipts.pub` (SPKI, PEM).
 *  K1. A file under its final name is complete: it is written and synced under another name first.
 *  K2. The private key is made once: of processes that start at once, one makes it and the others read that one.
 *  K3. The public file follows the private one, so it is written again where it is missing or differs.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AdapterError } from '../contract/errors.js';
import { messageOf, systemCode } from '../contract/thrown.js';
import { signerOf, type Signer } from './signing.js';

export interface KeyOptions {
  /** Where the pair lies; made (0700) with it. */
  readonly folder: string;
  /** Value of NIGHTSHIFT_SIGNING_KEY: a private key as PEM, or the path of one. It goes before the files. */
  readonly given?: string | undefined;
}

/**
 * Loads the key that signs receipts; makes it where there is none and none was given.
 * @throws AdapterError `config` when it can't be read, or is no Ed25519 key
 */
export function loadSigner({ folder, given }: KeyOptions): Signer {
  if (given !== undefined && given !== '') return givenSigner(given);
  const path = join(folder, 'receipts.key');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const signer = signerOf(readIfPresent(path) ?? makeKey(folder, path), path);
    makePrivate(path);
    writePublic(folder, signer.publicKey);
    return signer;
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw new AdapterError(
      'config',
      `the key that signs receipts can't be used [folder=${folder}]: ${messageOf(error)}; ` +
        'make the folder writable, or give a key in NIGHTSHIFT_SIGNING_KEY',
      {},
      { cause: error },
    );
  }
}

function givenSigner(given: string): Signer {
  // Some places that set variables can't hold line breaks, and write them as two characters.
  if (given.includes('-----BEGIN')) return signerOf(given.replaceAll('\\n', '\n'), 'NIGHTSHIFT_SIGNING_KEY');
  try {
    return signerOf(readFileSync(given, 'utf8'), given);
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    // Not the value: somebody may have put a key there in a form that we don't know.
    throw new AdapterError(
      'config',
      `NIGHTSHIFT_SIGNING_KEY names no file that can be read (${systemCode(error) ?? 'no code'}): give an Ed25519 private key as PEM, or its path`,
    );
  }
}

function makeKey(folder: string, path: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const temporary = writeTemporary(folder, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  try {
    linkSync(temporary, path); // K2: refuses an existing name
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(folder);
  return readFileSync(path, 'utf8');
}

function writePublic(folder: string, pem: string): void {
  const path = join(folder, 'receipts.pub');
  if (readIfPresent(path) === pem) return;
  renameSync(writeTemporary(folder, pem), path);
  syncFolder(folder);
}

function writeTemporary(folder: string, text: string): string {
  const path = join(folder, `.${process.pid}-${randomUUID()}`);
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file); // K1
  } finally {
    closeSync(file);
  }
  return path;
}

function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

function syncFolder(folder: string): void {
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
