import type { Ask, Reply, Route, World } from '../http/call.js';
import { environmentOf, filesIn, touch, type Environment } from './environment.js';
import { invalid, notFound, refuse } from './errors.js';
import { fileJson } from './file-routes.js';
import { claimOf, whoOfEnvironment } from './whose.js';

/** A resumable upload under way. Its bytes are a blob of the same id. */
interface Upload {
  readonly id: string;
  readonly environmentId: string;
  readonly path: string;
  readonly overwrite: boolean;
  readonly offset: number;
}

/** First half: asks for a place to send the bytes to. Refuses a name that is taken. */
function start({ call, params, now, draw }: Ask, world: World): Reply {
  const environment = environmentOf(params['id'] ?? '', world, now);
  const path = (params['path'] ?? '').replace(/^\/+/, '');
  if (path === '') throw invalid('A file path is required.');
  if (
    call.headers['x-goog-upload-protocol'] !== 'resumable' ||
    call.headers['x-goog-upload-command'] !== 'start'
  ) {
    throw invalid('X-Goog-Upload-Protocol: resumable and X-Goog-Upload-Command: start are required.');
  }
  const overwrite = call.query.get('overwrite') !== 'false';
  refuseTaken(environment, path, overwrite, world, now);
  const id = `upload_${draw.hex('upload id', 24)}`;
  const upload: Upload = { id, environmentId: environment.id, path, overwrite, offset: 0 };
  world.store.put('upload', id, upload);
  const url = `${call.baseUrl}/upload/${params['v'] ?? ''}/environments/${environment.id}/files/${encodeURI(path)}`;
  return {
    status: 200,
    headers: {
      'x-goog-upload-url': `${url}?upload_id=${id}`,
      'x-goog-upload-status': 'active',
      'x-goog-upload-chunk-granularity': '262144',
    },
  };
}

/** Second half: takes bytes; with `finalize` the file is there. */
function receive({ call, now }: Ask, world: World): Reply {
  const { store } = world;
  const id = call.query.get('upload_id') ?? '';
  const upload = store.get<Upload>('upload', id);
  if (!upload) throw notFound('Upload');
  const command = String(call.headers['x-goog-upload-command'] ?? '');
  if (Number(call.headers['x-goog-upload-offset'] ?? 0) !== upload.offset) {
    throw refuse(416, 'out_of_range', `The upload stands at offset ${upload.offset}.`);
  }
  const before = store.blobs(id)[0]?.bytes ?? Buffer.alloc(0);
  const bytes = Buffer.concat([before, call.body]);
  if (!command.includes('finalize')) {
    store.putBlob(id, { path: 'part', bytes, at: now });
    store.put('upload', id, { ...upload, offset: bytes.length });
    return { status: 200, headers: { 'x-goog-upload-status': 'active' } };
  }
  const environment = environmentOf(upload.environmentId, world, now);
  refuseTaken(environment, upload.path, upload.overwrite, world, now);
  store.putBlob(environment.id, { path: upload.path, bytes, at: now });
  store.removeBlobs(id);
  store.remove('upload', id);
  touch(environment, world, now, claimOf(upload.path));
  const file = fileJson({ path: upload.path, type: 'file', bytes: bytes.length, at: now });
  return { status: 200, headers: { 'x-goog-upload-status': 'final' }, body: { file } };
}

function refuseTaken(
  environment: Environment,
  path: string,
  overwrite: boolean,
  world: World,
  now: number,
): void {
  if (overwrite || !filesIn(environment, world, now).some((file) => file.path === path)) return;
  throw refuse(409, 'aborted', `Path '${path}' already exists in environment '${environment.id}'.`);
}

const pattern = '/upload/{v}/environments/{id}/files/{path...}';

export const uploadRoutes: readonly Route[] = [
  { method: 'PUT', pattern, name: 'files.upload', who: whoOfEnvironment, handle: start },
  { method: 'POST', pattern, name: 'files.finalize', who: whoOfEnvironment, handle: receive },
];
