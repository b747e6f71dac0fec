import { sendHttp } from '../activities/http/request.js';
import { resolveSecrets, type Environment } from '../batch/secrets.js';
import type { DeadManSpec } from '../contract/alerts.js';
import { AdapterError } from '../contract/errors.js';
import type { ChannelAnswer, PingKind } from '../ledger/alert-rows.js';
import { CHANNEL_TIMEOUT_MS } from './channels/channel.js';

/** A `test` says nothing of any night: where it counted as a good end, an evening's test would hide a night that is not to come. */
type Told = PingKind | 'test';

const SUFFIX: Readonly<Record<Told, string>> = {
  'ping-start': '/start',
  'ping-success': '',
  'ping-fail': '/fail',
  test: '/log',
};

/**
 * Tells a monitor that a run begins or has ended; `rid` pairs the two.
 * Source: healthchecks.io, "Pinging API": /start, success, /fail and /log (which counts as neither) below the URL of a check, `?rid=` a UUID.
 */
export async function ping(
  spec: DeadManSpec,
  kind: Told,
  runId: string,
  env: Environment,
  signal: AbortSignal,
): Promise<ChannelAnswer> {
  const answer = (took: boolean, said: string): ChannelAnswer => ({ channel: 'dead-man', took, said });
  try {
    const url = new URL(resolveSecrets(spec.url, env));
    url.pathname = `${url.pathname.replace(/\/$/, '')}${SUFFIX[kind]}`;
    url.searchParams.set('rid', runId);
    const { status } = await sendHttp({
      method: 'POST',
      url: url.href,
      timeoutMs: CHANNEL_TIMEOUT_MS,
      signal,
    });
    return answer(status >= 200 && status < 300, `HTTP ${status}`);
  } catch (error) {
    // The URL is the credential: it is in no message.
    const code = error instanceof AdapterError ? error.facts.code : undefined;
    return answer(false, code ?? 'the monitor could not be reached');
  }
}
