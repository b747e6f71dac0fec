import { AdapterError, type ErrorClass } from '../../../contract/errors.js';

/** The answer, or undefined where a call says by the class `lost` that what it asks for is not there. */
export async function orMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isClass(error, 'lost')) return undefined;
    throw error;
  }
}

export const isClass = (error: unknown, errorClass: ErrorClass): boolean =>
  error instanceof AdapterError && error.errorClass === errorClass;
