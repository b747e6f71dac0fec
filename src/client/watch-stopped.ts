import type { WorkerHost } from './worker-host.js';

/** Who waited stopped; what was waited for did not. */
export class WatchStopped extends Error {
  override readonly name = 'WatchStopped';
  /** @param hosted whether the worker was hosted by this process */
  constructor(
    readonly hosted: boolean,
    message = 'stopped watching',
  ) {
    super(message);
  }
}

interface Stop {
  /** Rejects with `WatchStopped` when the signal aborts. */
  readonly raised: Promise<never>;
  forget(): void;
}

/** To be raced with what is waited for. @param message of the error */
export function whenStopped(
  host: Pick<WorkerHost, 'hosting'>,
  signal: AbortSignal | undefined,
  message?: string,
): Stop {
  let stop = (): void => undefined;
  const raised = new Promise<never>((_, reject) => {
    stop = () => reject(new WatchStopped(host.hosting, message));
  });
  raised.catch(() => undefined); // raced; alone it would be an unhandled rejection
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  return { raised, forget: () => signal?.removeEventListener('abort', stop) };
}
