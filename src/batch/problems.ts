import type { Problem } from '../contract/errors.js';

/** Problems kept per file: enough to see the pattern, few enough to read. The rest is counted. */
export const PROBLEMS_MAX = 100;

/** A place in a file, both from 1; of a list in code, the number of the job. */
export interface Place {
  readonly line: number;
  readonly column?: number | undefined;
}

/** A problem of a file that the collector already knows. */
export type ProblemHere = Omit<Problem, 'file'>;

/** Collects what is wrong with one file. Reading goes on after a problem, so that one round shows them all. */
export class FileProblems {
  private readonly kept: Problem[] = [];
  private dropped = 0;

  constructor(readonly file: string) {}

  readonly report = (problem: ProblemHere): void => {
    if (this.kept.length < PROBLEMS_MAX) this.kept.push({ file: this.file, ...problem });
    else this.dropped += 1;
  };

  get count(): number {
    return this.kept.length + this.dropped;
  }

  /** In the order of the file; what was too much to keep is named at the end. */
  all(): Problem[] {
    const inOrder = [...this.kept].sort(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    if (this.dropped === 0) return inOrder;
    return [...inOrder, { file: this.file, message: `has ${this.dropped} more problems` }];
  }
}
