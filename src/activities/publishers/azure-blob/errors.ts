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
  fix: 'check connectionString, accountKey or sasToken, whether it has expired, and this machine’s clock',
};
const RIGHTS: Meaning = {
  errorClass: 'auth',
  fix: 'the credentials need to read, create and write blobs in the container (SAS: r, c, w; d to unpublish)',
};
const PLACE: Meaning = { errorClass: 'config', fix: 'check account and container; nightshift makes neither' };
/** Somebody else has a hold on the blob. */
const KEPT: Meaning = { errorClass: 'conflict' };
const AGAIN: Meaning = { errorClass: 'transient' };
const UNCLEAR: Meaning = { errorClass: 'unknown', sent: 'maybe' };

/**
 * Error codes of Azure that the status alone would not tell apart.
 * Source: Azure Storage REST API, "Blob Storage error codes" and "Common REST API error codes".
 */
export const AZURE_MEANINGS: Readonly<Record<string, Meaning>> = {
  AccountIsDisabled: SIGN_IN,
  AuthenticationFailed: SIGN_IN,
  InvalidAuthenticationInfo: SIGN_IN,
  KeyBasedAuthenticationNotPermitted: SIGN_IN,
  NoAuthenticationInformation: SIGN_IN,
  AuthorizationFailure: RIGHTS,
  AuthorizationPermissionMismatch: RIGHTS,
  AuthorizationProtocolMismatch: RIGHTS,
  AuthorizationResourceTypeMismatch: RIGHTS,
  AuthorizationServiceMismatch: RIGHTS,
  AuthorizationSourceIPMismatch: RIGHTS,
  InsufficientAccountPermissions: RIGHTS,
  PublicAccessNotPermitted: RIGHTS,
  AccountRequiresHttps: { errorClass: 'config', fix: 'write https:// in the target' },
  ContainerDisabled: PLACE,
  ContainerNotFound: PLACE,
  InvalidResourceName: PLACE,
  OutOfRangeInput: PLACE,
  ResourceNotFound: PLACE,
  ContainerBeingDeleted: AGAIN,
  ConditionNotMet: AGAIN,
  BlobAlreadyExists: AGAIN,
  Md5Mismatch: AGAIN,
  ServerBusy: { errorClass: 'throttled', sent: 'maybe' },
  InternalError: UNCLEAR,
  OperationTimedOut: UNCLEAR,
  BlobArchived: KEPT,
  BlobBeingRehydrated: KEPT,
  BlobImmutableDueToLegalHold: KEPT,
  BlobImmutableDueToPolicy: KEPT,
  InvalidBlobType: KEPT,
  LeaseIdMissing: KEPT,
  LeaseIdMismatchWithBlobOperation: KEPT,
  SnapshotsPresent: KEPT,
};

const headersSchema = z.custom<{ get(name: string): string | undefined }>(
  (value) => typeof value === 'object' && value !== null && 'get' in value && typeof value.get === 'function',
);
const restErrorSchema = z.object({
  statusCode: z.number(),
  code: z.string().optional(),
  message: z.string(),
  response: z.object({ headers: headersSchema }).optional(),
});

/** What the service answered, from an error of the SDK; undefined where there was no answer. */
export function azureRefusal(error: unknown, secrets: readonly string[] = []): Refused | undefined {
  if (!(error instanceof Error)) return undefined;
  const parsed = restErrorSchema.safeParse(error).data;
  if (!parsed) return undefined;
  const header = (name: string) => parsed.response?.headers.get(name);
  const code = header('x-ms-error-code') ?? parsed.code ?? '';
  // Request id and time follow in lines of their own.
  const [said = ''] = parsed.message.split('\n');
  const headers = new Headers();
  for (const name of ['retry-after', 'retry-after-ms', 'date', 'location']) {
    const value = header(name);
    if (value !== undefined) headers.set(name, value);
  }
  return {
    status: parsed.statusCode,
    code: /^[A-Za-z0-9]{3,64}$/.test(code) ? code : '',
    said: /^(Error|\s*<)/.test(said) ? '' : cleaned(said, secrets),
    headers,
  };
}

/** Gives an error of the SDK a class. @param secrets taken out of what the service said */
export function azureError(
  error: unknown,
  request: StoreRequest,
  secrets: readonly string[] = [],
): AdapterError {
  if (error instanceof AdapterError) return error;
  const refused = azureRefusal(error, secrets);
  if (refused && refused.status >= 300) {
    const safe = request.method === 'GET' || request.method === 'HEAD';
    const found = refusedError(request, refused, AZURE_MEANINGS);
    if (!safe || found.errorClass !== 'unknown') return found;
    return new AdapterError('transient', found.message, found.facts);
  }
  return unansweredError(request, error, cleaned(messageOf(error), secrets));
}
