/** One thing that happened to a job. */
export interface TraceEvent {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kind: 'request' | 'batch' | 'run' | 'job' | 'try' | 'session' | 'effect' | 'wait';
  /** One sentence for people. Text in it may come from agents and services. */
  readonly text: string;
  readonly tone: 'plain' | 'good' | 'bad';
  readonly source: 'ledger' | 'engine';
  /** Name of the batch, where known. */
  readonly batch?: string;
  /** Run of the job's Workflow; of the batch's where `kind` is `batch`. */
  readonly runId?: string;
  /** Number of the Activity attempt, from 1. */
  readonly attempt?: number;
  /** Host and process of the worker, or the person who asked. */
  readonly by?: string;
  /** The same for programs: keys, classes, tokens, cost, URL. */
  readonly facts?: Readonly<Record<string, string | number>>;
}
