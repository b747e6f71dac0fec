import { z } from 'zod';
import { findingsOf } from '../../../batch/issue-sentences.js';

/** What an agent writes last, so that a run that was cut short can be told from one that came to its end. */
const manifestSchema = z.object({
  files: z
    .array(
      z.object({
        path: z.string().min(1).max(1024),
        bytes: z.int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a hash of 64 lower-case hexadecimal digits'),
      }),
    )
    .min(1)
    .max(1000),
});

export const MANIFEST_NAME = 'manifest.json';
export const MANIFEST_BYTES_MAX = 1024 * 1024;

export interface ManifestFile {
  /** Below the output folder: no `..`, no leading slash. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type ManifestChoice =
  | { readonly kind: 'file'; readonly file: ManifestFile }
  | { readonly kind: 'unusable'; readonly why: string };

/**
 * The file of a manifest that is the artifact: the one that was asked for, else the only one.
 * @param folder the output folder, left out of the paths where the agent wrote it there
 */
export function chooseFile(manifest: string, wanted: string, folder: string): ManifestChoice {
  const value = jsonOf(manifest);
  if (value === undefined) return unusable('its manifest is no JSON');
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const [finding] = findingsOf(manifestSchema, value, parsed.error.issues);
    return unusable(`its manifest can’t be read: ${finding?.message ?? 'it has another form'}`);
  }
  const files: ManifestFile[] = [];
  for (const { path, ...rest } of parsed.data.files) {
    const below = pathBelow(path, folder);
    if (below === undefined) return unusable('its manifest names a file outside the output folder');
    files.push({ path: below, ...rest });
  }
  const [first] = files;
  const file = files.find(({ path }) => path === wanted) ?? (files.length === 1 ? first : undefined);
  if (!file) return unusable(`its manifest names ${files.length} files, and none is ${wanted}`);
  if (file.bytes === 0) return unusable(`${wanted} is empty`);
  return { kind: 'file', file };
}

/** A path as the agent wrote it, below the output folder; undefined where it leads outside. */
export function pathBelow(path: string, folder: string): string | undefined {
  const plain = path.replace(/^(\.?\/)+/, '');
  const prefix = `${folder.replace(/^\/+|\/+$/g, '')}/`;
  const below = plain.startsWith(prefix) ? plain.slice(prefix.length) : plain;
  const parts = below.split('/');
  const bad = parts.some((part) => part === '' || /^\.{1,2}$|[\p{Cc}\\]/u.test(part));
  return bad ? undefined : below;
}

const unusable = (why: string): ManifestChoice => ({ kind: 'unusable', why });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // not JSON is an answer here
  }
}
