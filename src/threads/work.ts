/** Work for a thread. What comes in, what goes out, and each question and answer are plain data: they go between threads. */
export type Work<Request, Result, Question = never, Answer = never> = (
  request: Request,
  context: WorkContext<Question, Answer>,
) => Promise<Result>;

export interface WorkContext<Question, Answer> {
  /** Told the name of each step when it begins: of work that was held up, people are told in which. */
  readonly begins: (step: string) => void;
  /** Asks whoever wants the work done, one question at a time. What the answer takes is not the work's time. */
  readonly ask: (question: Question) => Promise<Answer>;
}
