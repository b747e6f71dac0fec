import { activityInfo, heartbeat } from '@temporalio/activity';

/**
 * Heartbeats until the returned function is called, three times within the timeout; the SDK sends as few of them
 * as it must. None at the start: on a hosted engine each one is paid for, and most Activities end before the first.
 * Cancellation reaches an Activity only in the answer to a heartbeat.
 * @param details newest details at each beat: a hint for people, the ledger is the truth
 */
export function keepAlive(details: () => unknown = () => undefined): () => void {
  const timeoutMs = activityInfo().heartbeatTimeoutMs ?? 30_000;
  const timer = setInterval(() => heartbeat(details()), timeoutMs / 3);
  return () => clearInterval(timer);
}
