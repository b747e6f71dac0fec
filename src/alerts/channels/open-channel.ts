import { resolveSecretsIn } from '../../batch/secrets.js';
import type { ChannelSpec } from '../../contract/alerts.js';
import type { Json } from '../../contract/json.js';
import { messageOf } from '../../contract/thrown.js';
import { channelName, failed, type Channel, type ChannelContext } from './channel.js';
import { commandChannel } from './command.js';
import { emailChannel } from './email.js';
import { ntfyChannel } from './ntfy.js';
import { pagerdutyChannel } from './pagerduty.js';
import { slackChannel } from './slack.js';
import { webhookChannel } from './webhook.js';

/** A channel of a batch file. One whose secrets are not set here is there all the same, and fails with that reason. */
export function openChannel(spec: ChannelSpec, context: ChannelContext): Channel {
  const name = channelName(spec);
  try {
    const resolved = resolveSecretsIn(spec as Json, context.env) as ChannelSpec;
    // Named as the file names it: the host may be part of a secret.
    return { ...channelOf(resolved, context), name };
  } catch (error) {
    const why = messageOf(error);
    return { name, send: () => Promise.resolve(failed(why)) };
  }
}

function channelOf(spec: ChannelSpec, context: ChannelContext): Channel {
  switch (spec.use) {
    case 'webhook':
      return webhookChannel(spec, context);
    case 'slack':
      return slackChannel(spec);
    case 'email':
      return emailChannel(spec, context);
    case 'ntfy':
      return ntfyChannel(spec);
    case 'pagerduty':
      return pagerdutyChannel(spec);
    case 'command':
      return commandChannel(spec, context);
  }
}
