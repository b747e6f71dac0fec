import { NOBODY, sha256, type Who } from '../draw.js';
import type { Ask, World } from '../http/call.js';
import { field, jsonBody, textField } from '../http/json-body.js';

import { notFound } from './errors.js';
import { lossOf, spansOf, turnsOf, type Session, type Span } from './session.js';

export interface FoundSession {
  readonly session: Session;
  readonly spans: readonly Span[];
}

/** @throws Refusal 404 for one that is not there, or not any more */
export function sessionOf(id: string, world: World, now: number): FoundSession {
  const session = world.store.get<Session>('session', id);
  const spans = session ? spansOf(turnsOf(session, world)) : [];
  if (!session || session.deletedAt !== undefined || now >= lossOf(spans)) throw notFound(`session ${id}`);
  return { session, spans };
}

export const save = (session: Session, { store }: World): void => store.put('session', session.id, session);

type About = Pick<Ask, 'call' | 'params'>;

/** Run and attempt of a new session: its metadata, else the hash of its first message. */
export function whoOfCreate({ call }: About): Who {
  const body = jsonBody(call);
  const metadata = field(body, 'metadata');
  const runKey = textField(metadata, 'run_key');
  if (runKey !== undefined) return { runKey, attempt: Number(textField(metadata, 'attempt') ?? 1) || 0 };
  const title = textField(body, 'title') ?? JSON.stringify(field(body, 'initial_events') ?? '');
  return title === '""' ? NOBODY : { runKey: `title-${sha256(title).slice(0, 26)}`, attempt: 1 };
}

export const whoOfSession = ({ params }: About, { store }: World): Who =>
  store.get<Session>('session', params['id'] ?? '')?.who ?? NOBODY;

export const nobody = (): Who => NOBODY;
