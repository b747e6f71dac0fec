import { DAY_MS } from '../../../contract/units.js';
import { timestamp } from '../clock.js';
import { NOBODY, type Who } from '../draw.js';
import type { Ask, Reply, Route, World } from '../http/call.js';
import { mimeOf } from '../http/mime.js';
import { notFound, refuse } from './errors.js';
import { sessionOf } from './find-session.js';
import { manyOf, pageAsked } from './paging.js';
import type { FileRecord } from './send-events.js';
import { lossOf, spansOf, turnsOf, type Session } from './session.js';
import { filesListedAt, filesOfTurn } from './timeline.js';

interface FileOfSession {
  readonly id: string;
  readonly sessionId: string;
  readonly path: string;
  readonly bytes: Buffer;
  readonly listedAt: number;
  readonly expiresAt: number;
}

/** A sandbox lives so long from the creation of its session. */
const KEPT_MS = 30 * DAY_MS;

function fileOf(record: FileRecord, world: World): FileOfSession | undefined {
  const session = world.store.get<Session>('session', record.sessionId);
  if (!session || session.deletedAt !== undefined) return undefined;
  const spans = spansOf(turnsOf(session, world));
  const span = spans.find(({ turn }) => turn.id === record.turnId);
  const file = span && filesOfTurn(span.turn)[record.index];
  const listedAt = span === undefined ? Infinity : filesListedAt(span);
  if (!file || listedAt >= lossOf(spans)) return undefined;
  const expiresAt = session.createdAt + KEPT_MS;
  return { id: record.id, sessionId: session.id, ...file, listedAt, expiresAt };
}

/** @throws Refusal 404 for one not listed yet or not there, `file_expired` for one too old */
function found({ params, now }: Ask, world: World): FileOfSession {
  const id = params['id'] ?? '';
  const record = world.store.get<FileRecord>('file', id);
  const file = record && fileOf(record, world);
  if (!file || now < file.listedAt) throw notFound(`file ${id}`);
  if (now >= file.expiresAt) throw refuse(404, 'not_found_error', `file ${id} has expired`, 'file_expired');
  return file;
}

function list({ call: { query }, now }: Ask, world: World): Reply {
  const scope = query.get('scope_id');
  if (scope !== null) sessionOf(scope, world, now);
  const ids = manyOf(query, 'ids');
  const records = world.store.list<FileRecord>('file', scope ?? undefined);
  const files = records
    .filter(({ id }) => ids.length === 0 || ids.includes(id))
    .flatMap((record) => fileOf(record, world) ?? [])
    .filter(({ listedAt, expiresAt }) => now >= listedAt && now < expiresAt);
  return { status: 200, body: pageAsked(query, files.map(fileJson)) };
}

const retrieve = (ask: Ask, world: World): Reply => ({ status: 200, body: fileJson(found(ask, world)) });

function download(ask: Ask, world: World): Reply {
  const { bytes, path } = found(ask, world);
  return { status: 200, headers: { 'content-type': mimeOf(path) }, body: bytes };
}

/** Sizes are numbers here. */
const fileJson = ({ id, sessionId, path, bytes, listedAt, expiresAt }: FileOfSession) => ({
  id,
  type: 'file',
  filename: path,
  mime_type: mimeOf(path),
  size_bytes: bytes.length,
  created_at: timestamp(listedAt),
  downloadable: true,
  expires_at: timestamp(expiresAt),
  scope: { type: 'session', id: sessionId },
});

const ofScope = ({ call }: Pick<Ask, 'call'>, { store }: World): Who =>
  store.get<Session>('session', call.query.get('scope_id') ?? '')?.who ?? NOBODY;

const ofFile = ({ params }: Pick<Ask, 'params'>, { store }: World): Who => {
  const record = store.get<FileRecord>('file', params['id'] ?? '');
  return (record && store.get<Session>('session', record.sessionId))?.who ?? NOBODY;
};

export const fileRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/v1/files', name: 'files.list', who: ofScope, handle: list },
  { method: 'GET', pattern: '/v1/files/{id}', name: 'files.retrieve', who: ofFile, handle: retrieve },
  { method: 'GET', pattern: '/v1/files/{id}/content', name: 'files.download', who: ofFile, handle: download },
];
