import type { ChannelOf, Notice } from '../../contract/alerts.js';
import { isToldAtOnce } from '../../policy/alert-rules.js';
import { isWarning, noticeLines, noticeTitle } from '../notice-text.js';
import { PAGERDUTY_URL, channelName, type Channel } from './channel.js';
import { post } from './post.js';

/** Longer ones are refused with the whole event. */
const SUMMARY_MAX = 1024;

const MEANINGS = {
  400: 'it can’t use the event; routingKey must be the key, 32 characters, of an "Events API v2" integration',
  429: 'too many events for one key',
};

/**
 * One incident for each cause: opened and reminded of under the same `dedup_key`, by which its end resolves it. A try whose
 * answer was lost joins the incident that is open.
 * Source: developer.pagerduty.com, Events API v2, "Send an Alert Event": fields, their limits, 202, 400, 429.
 */
export function pagerdutyChannel(spec: ChannelOf<'pagerduty'>): Channel {
  return {
    name: channelName(spec),
    send(notice, signal) {
      const body = { routing_key: spec.routingKey, ...eventOf(notice) };
      const headers = { 'content-type': 'application/json' };
      const url = spec.url ?? PAGERDUTY_URL;
      return post(url, JSON.stringify(body), headers, signal, MEANINGS, { mayBeOpen: true });
    },
  };
}

function eventOf(notice: Notice) {
  const { kind, id, rule, batch, subject, errorClass, lastSeen, fingerprint, detail } = notice;
  if (kind === 'recovered') return { event_action: 'resolve', dedup_key: fingerprint };
  return {
    event_action: 'trigger',
    // A test that joined the incident of an earlier one would page nobody.
    dedup_key: kind === 'test' ? id : fingerprint,
    client: 'nightshift',
    payload: {
      summary: cut(noticeTitle(notice)),
      source: batch,
      severity: severityOf(rule),
      timestamp: lastSeen,
      class: rule,
      ...(subject !== '' && { component: subject }),
      custom_details: {
        text: noticeLines(notice).join('\n'),
        jobs: detail.jobs,
        of: detail.of,
        ...(errorClass !== undefined && { error_class: errorClass }),
        id,
      },
    },
  };
}

type Severity = 'critical' | 'error' | 'warning' | 'info';

/** What is told while a batch runs can't wait until the morning; what is told at its end can. */
function severityOf(rule: Notice['rule']): Severity {
  if (rule === 'test') return 'info';
  // When it has passed, that joins this incident, and pages nobody anew.
  if (rule === 'deadline') return 'error';
  if (isWarning(rule)) return 'warning';
  return isToldAtOnce(rule) ? 'critical' : 'error';
}

function cut(text: string): string {
  const characters = [...text];
  return characters.length > SUMMARY_MAX ? `${characters.slice(0, SUMMARY_MAX - 1).join('')}…` : text;
}
