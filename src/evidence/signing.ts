import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { AdapterError } from '../contract/errors.js';

/** Signs texts with one Ed25519 key. Reading `keyId` or signing may be what loads the key. */
export interface Signer {
  readonly keyId: string;
  /** SPKI, PEM. */
  readonly publicKey: string;
  /** @returns base64 */
  sign(text: string): string;
}

/** First 16 hexadecimal characters of the SHA-256 of the public key in its DER form (SPKI). */
export const keyIdOf = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);

/**
 * @param pem   PKCS #8
 * @param from  where the text comes from, for the message
 * @throws AdapterError `config` when it is no Ed25519 private key; the text is not shown
 */
export function signerOf(pem: string, from: string): Signer {
  const privateKey = ed25519(() => createPrivateKey(pem), from, 'private');
  const publicKey = createPublicKey(privateKey);
  return {
    keyId: keyIdOf(publicKey),
    publicKey: pemOf(publicKey),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  };
}

/** @throws AdapterError `config` when it is no Ed25519 public key */
export const publicKeyOf = (pem: string, from: string): KeyObject =>
  ed25519(() => createPublicKey(pem), from, 'public');

/** False also for a signature that is no base64, or of another length. */
export const isSignedBy = (publicKey: KeyObject, text: string, signature: string): boolean =>
  verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'));

/** A signer whose key is loaded, or made, when it is first needed: most commands write no receipt. */
export function lazySigner(load: () => Signer): Signer {
  let loaded: Signer | undefined;
  const signer = (): Signer => (loaded ??= load());
  return {
    get keyId() {
      return signer().keyId;
    },
    get publicKey() {
      return signer().publicKey;
    },
    sign: (text) => signer().sign(text),
  };
}

const pemOf = (publicKey: KeyObject): string => publicKey.export({ type: 'spki', format: 'pem' }).toString();

function ed25519(parse: () => KeyObject, from: string, half: 'private' | 'public'): KeyObject {
  const how = `give an Ed25519 ${half} key as PEM without a passphrase`;
  let key: KeyObject;
  try {
    key = parse();
  } catch (error) {
    // The cause is left out: parsers quote what they could not read.
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new AdapterError('config', `the signing key can't be read [from=${from}]${reason}: ${how}`);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new AdapterError(
    'config',
    `the signing key is of type ${String(key.asymmetricKeyType)} [from=${from}]: ${how}`,
  );
}
