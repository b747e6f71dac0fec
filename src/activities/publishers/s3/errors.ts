import { z } from 'zod';
import { AdapterError } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import {
  cleaned,
  refusedError,
  unansweredError,
  type Meaning,
  type Refused,
  type StoreRequest,
} from '../objects/store-error.js';

const SIGN_IN: Meaning = {
  errorClass: 'auth',
  fix: 'check accessKeyId, secretAccessKey and sessionToken, or what the SDK finds by itself',
};
const RIGHTS: Meaning = {
  errorClass: 'auth',
  fix: 'the credentials need s3:PutObject and s3:GetObject below the target, and s3:ListBucket on the bucket',
};
const BUCKET: Meaning = { errorClass: 'config', fix: 'check the bucket, region and endpoint' };
const CONDITIONS: Meaning = {
  errorClass: 'config',
  fix: 'this store does not know conditional writes; use another, or set onUnconditional: check-then-put',
};
const BUSY: Meaning = { errorClass: 'throttled' };
const FULL: Meaning = { errorClass: 'exhausted' };
const BAD: Meaning = { errorClass: 'invalid' };
/** Refused for a reason that passes: another writer at work, or a body that was spoiled on its way. */
const AGAIN: Meaning = { errorClass: 'transient' };

/**
 * Error codes of S3 that the status alone would not tell apart.
 * Source: Amazon S3 API Reference, "Error responses"; "Conditional requests" in its User Guide for the 409.
 */
export const S3_MEANINGS: Readonly<Record<string, Meaning>> = {
  AccessDenied: RIGHTS,
  BadRequest: BUCKET,
  Forbidden: RIGHTS,
  AccountProblem: SIGN_IN,
  AllAccessDisabled: SIGN_IN,
  ExpiredToken: SIGN_IN,
  InvalidAccessKeyId: SIGN_IN,
  InvalidSecurity: SIGN_IN,
  InvalidToken: SIGN_IN,
  NotSignedUp: SIGN_IN,
  SignatureDoesNotMatch: SIGN_IN,
  TokenRefreshRequired: SIGN_IN,
  RequestTimeTooSkewed: { errorClass: 'auth', fix: 'set this machine’s clock' },
  AuthorizationHeaderMalformed: { errorClass: 'config', fix: 'check with.region' },
  IllegalLocationConstraintException: BUCKET,
  InvalidBucketName: BUCKET,
  NoSuchBucket: BUCKET,
  PermanentRedirect: BUCKET,
  TemporaryRedirect: BUCKET,
  MethodNotAllowed: BUCKET,
  NotImplemented: CONDITIONS,
  ConditionalRequestConflict: AGAIN,
  OperationAborted: AGAIN,
  PreconditionFailed: AGAIN,
  BadDigest: AGAIN,
  IncompleteBody: AGAIN,
  RequestTimeout: AGAIN, // 400: the body did not come in time, so nothing was stored
  XAmzContentSHA256Mismatch: AGAIN,
  SlowDown: BUSY,
  ServiceUnavailable: { ...BUSY, sent: 'maybe' },
  RequestLimitExceeded: BUSY,
  ThrottlingException: BUSY,
  TooManyRequests: BUSY,
  QuotaExceeded: FULL,
  InsufficientStorage: FULL,
  XMinioStorageFull: FULL,
  EntityTooLarge: BAD,
  InvalidArgument: BAD,
  KeyTooLongError: BAD,
  MetadataTooLarge: BAD,
};

const awsErrorSchema = z.object({
  name: z.string(),
  message: z.string(),
  $metadata: z.object({ httpStatusCode: z.number() }),
});
const responseSchema = z.object({ headers: z.record(z.string(), z.string()) });

/** What the store answered, from an error of the SDK; undefined where there was no answer. */
export function s3Refusal(error: unknown, secrets: readonly string[] = []): Refused | undefined {
  if (!(error instanceof Error)) return undefined;
  // The answer itself hangs on the error as `$response`, which is not enumerable.
  const response = '$response' in error ? responseSchema.safeParse(error.$response).data : undefined;
  const parsed = awsErrorSchema.safeParse(error).data;
  if (!parsed) return undefined;
  const { name, message, $metadata } = parsed;
  const { httpStatusCode: status } = $metadata;
  const named = /^[A-Za-z0-9]{3,64}$/.test(name) && !GENERAL_NAMES.has(name);
  const worded = !GENERAL_NAMES.has(message) && !message.includes('Deserialization error');
  return {
    status,
    code: named ? name : (BY_STATUS[status] ?? ''),
    said: worded ? cleaned(message, secrets) : '',
    headers: headersOf(response?.headers ?? {}),
  };
}
/** What the SDK says where the answer had no words of its own. */
const GENERAL_NAMES: ReadonlySet<string> = new Set([
  'UnknownError',
  'Unknown',
  'Error',
  'S3ServiceException',
]);
/**
 * Names for refusals without one. A HEAD has no body, so its 403 may also be a missing object that may not be known
 * of without s3:ListBucket, and its 400 a wrong region.
 */
const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'Forbidden',
  501: 'NotImplemented',
  503: 'ServiceUnavailable',
  507: 'InsufficientStorage',
};

/** Gives an error of the SDK a class. @param secrets taken out of what the store said */
export function s3Error(
  error: unknown,
  request: StoreRequest,
  secrets: readonly string[] = [],
): AdapterError {
  if (error instanceof AdapterError) return error;
  const refused = s3Refusal(error, secrets);
  if (refused && refused.status >= 300) return refusedError(request, refused, S3_MEANINGS);
  const said = cleaned(messageOf(error), secrets);
  const name = error instanceof Error ? error.name : '';
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    const fix = 'set accessKeyId and secretAccessKey, or sign in as the AWS SDK expects it';
    return new AdapterError('auth', `no credentials for ${request.at}: ${said}; ${fix}`, { sent: 'no' });
  }
  if (/^Region is missing/.test(said)) {
    return new AdapterError('config', `no region for ${request.at}; set with.region or AWS_REGION`, {
      sent: 'no',
    });
  }
  return unansweredError(request, error, said);
}

function headersOf(fields: Readonly<Record<string, string>>): Headers {
  const headers = new Headers();
  for (const name of ['retry-after', 'retry-after-ms', 'date', 'location']) {
    const value = fields[name];
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
