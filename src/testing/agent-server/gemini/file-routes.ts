import { timestamp } from '../clock.js';
import type { Ask, Reply, Route, World } from '../http/call.js';
import { mimeOf } from '../http/mime.js';
import { environmentOf, filesIn, touch, type FileInIt } from './environment.js';
import { refuse } from './errors.js';
import { pageAsked } from './paging.js';
import { tarOf } from './tar.js';
import { whoOfEnvironment } from './whose.js';

interface Entry {
  readonly path: string;
  readonly type: 'file' | 'directory';
  readonly bytes: number;
  readonly at: number;
}

const cleaned = (path: string): string => path.replace(/^\/+|\/+$/g, '');

/** Metadata of a file, entries of a directory, or with `alt=media` the content. */
function read({ call, params, now }: Ask, world: World): Reply {
  const environment = environmentOf(params['id'] ?? '', world, now);
  const path = cleaned(params['path'] ?? '');
  const files = filesIn(environment, world, now);
  const file = files.find((one) => one.path === path);
  const below = files.filter((one) => path === '' || one.path.startsWith(`${path}/`));
  if (!file && below.length === 0 && path !== '') {
    throw refuse(404, 'not_found', `Path '${path}' not found in environment '${environment.id}'.`);
  }
  touch(environment, world, now);
  if (call.query.get('alt') === 'media') return media(file, below, path);
  const recursive = call.query.get('recursive') === 'true';
  return listing(call.query, file ? [entryOf(file)] : entriesBelow(path, below, recursive));
}

function media(file: FileInIt | undefined, below: readonly FileInIt[], path: string): Reply {
  if (file) return { status: 200, headers: { 'content-type': mimeOf(file.path) }, body: file.bytes };
  const inside = below.map((one) => ({
    ...one,
    path: path === '' ? one.path : one.path.slice(path.length + 1),
  }));
  return { status: 200, headers: { 'content-type': 'application/x-tar' }, body: tarOf(inside) };
}

function listing(query: URLSearchParams, entries: readonly Entry[]): Reply {
  const { items, rest } = pageAsked(query, entries, ({ path }) => path);
  return { status: 200, body: { files: items.map(fileJson), ...rest } };
}

const entryOf = ({ path, bytes, at }: FileInIt): Entry => ({ path, type: 'file', bytes: bytes.length, at });

function entriesBelow(path: string, below: readonly FileInIt[], recursive: boolean): Entry[] {
  const prefix = path === '' ? '' : `${path}/`;
  const entries = new Map<string, Entry>();
  for (const file of below) {
    const parts = file.path.slice(prefix.length).split('/');
    const depth = recursive ? parts.length - 1 : Math.min(1, parts.length - 1);
    for (let level = 1; level <= depth; level++) {
      const directory = prefix + parts.slice(0, level).join('/');
      const known = entries.get(directory);
      const bytes = (known?.bytes ?? 0) + file.bytes.length;
      entries.set(directory, {
        path: directory,
        type: 'directory',
        bytes,
        at: Math.max(known?.at ?? 0, file.at),
      });
    }
    if (recursive || parts.length === 1) entries.set(file.path, entryOf(file));
  }
  return [...entries.values()];
}

/**
 * Sizes are texts here, as all 64-bit numbers of this API. A path is shown with the folder that requests leave out.
 * Source: `EnvironmentFile` in the types of @google/genai 2.32.0
 */
export const fileJson = ({ path, type, bytes, at }: Entry): Record<string, unknown> => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  path: `workspace/${path}`,
  type,
  size_bytes: String(bytes),
  ...(type === 'file' && { mime_type: mimeOf(path) }),
  created: timestamp(at),
  modified: timestamp(at),
});

const common = { method: 'GET', name: 'files.read', who: whoOfEnvironment, handle: read };

export const fileRoutes: readonly Route[] = [
  { ...common, pattern: '/{v}/environments/{id}/files' },
  { ...common, pattern: '/{v}/environments/{id}/files/{path...}' },
];
