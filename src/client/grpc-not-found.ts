import { isGrpcServiceError } from '@temporalio/client';

const NOT_FOUND = 5;

/** Calls of the raw service say so; those of the SDK's own client throw a `WorkflowNotFoundError`. */
export const isGrpcNotFound = (error: unknown): boolean =>
  isGrpcServiceError(error) && (error.code as number) === NOT_FOUND;
