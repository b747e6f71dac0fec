import type { z } from 'zod';
import type { Job } from '../contract/job.js';

/** What a check of your own is given. */
export interface CheckInput {
  /** Undefined when the artifact is not valid UTF-8. */
  readonly text: string | undefined;
  readonly bytes: Uint8Array;
  readonly mime: string | undefined;
  readonly job: CheckedJob;
  readonly signal: AbortSignal;
}

export type CheckedJob = Pick<Job, 'key' | 'identity' | 'input' | 'revision'>;

/** A check of your own, as a module exports it under the name `check`. */
export interface CheckModule<Options = unknown> {
  readonly kind: 'check';
  readonly name: string;
  readonly version: string;
  /** Of what stands under `with:`. */
  readonly options: z.ZodType<Options>;
  /**
   * @returns one sentence for each problem; none lets the artifact pass
   * @throws anything, when it could not be told: the artifact is not published, and no session is paid for it
   */
  run(input: CheckInput, options: Options): Promise<readonly string[]> | readonly string[];
}

/** Makes a check from a description, with its types inferred from `options`. */
export const defineCheck = <Options>(check: Omit<CheckModule<Options>, 'kind'>): CheckModule<Options> => ({
  kind: 'check',
  ...check,
});
