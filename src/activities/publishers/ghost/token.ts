import { createHmac } from 'node:crypto';

/** Ghost refuses tokens that are valid for longer. */
const LIFETIME_S = 5 * 60;

/**
 * A token for one request to the Admin API.
 * @param key `id:secret`, the secret in hexadecimal digits
 * Source: Ghost Admin API, "Token authentication".
 */
export function adminToken(key: string, now: Date): string {
  const [id = '', secret = ''] = key.split(':');
  const iat = Math.floor(now.getTime() / 1000);
  const head = encoded({ alg: 'HS256', typ: 'JWT', kid: id });
  const claims = encoded({ iat, exp: iat + LIFETIME_S, aud: '/admin/' });
  const signature = createHmac('sha256', Buffer.from(secret, 'hex')).update(`${head}.${claims}`);
  return `${head}.${claims}.${signature.digest('base64url')}`;
}

const encoded = (part: Readonly<Record<string, string | number>>): string =>
  Buffer.from(JSON.stringify(part)).toString('base64url');
