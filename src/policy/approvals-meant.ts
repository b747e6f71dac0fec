/** Names effects that wait for an answer; what is left out does not matter. */
export interface ApprovalChoice {
  /** Whole keys, or their first characters. */
  readonly effects?: readonly string[];
  readonly jobs?: readonly string[];
  /** Whatever waits. */
  readonly all?: boolean;
}

interface Waiting {
  readonly effectKey: string;
  readonly jobKey: string;
}

/** Those of the waiting ones that are meant; nothing is meant by nothing. */
export const approvalsMeant = <T extends Waiting>(
  waiting: readonly T[],
  { effects = [], jobs = [], all = false }: ApprovalChoice,
): readonly T[] =>
  waiting.filter(
    ({ effectKey, jobKey }) =>
      all ||
      effects.some((key) => key.length >= 4 && effectKey.startsWith(key)) ||
      jobs.some((key) => key.length >= 4 && jobKey.startsWith(key)),
  );
