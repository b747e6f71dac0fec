import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { systemCode } from '../../../contract/thrown.js';
import { OUTPUT_BYTES_MAX, type ResultDocument, type ResultFile } from './result-document.js';
import { statIfThere, type RunPaths } from './run-directory.js';

/** Where the artifact of a run lies. */
export type Artifact =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string; readonly mime?: string }
  /** Nothing that could be published. */
  | { readonly kind: 'unusable'; readonly why: string };

/**
 * A file of the result document, its text, the result file itself, or stdout: the first that the program used.
 * @param said the last message of a preset's agent, in place of stdout
 */
export async function findArtifact(paths: RunPaths, result: ResultFile, said?: string): Promise<Artifact> {
  switch (result.kind) {
    case 'broken':
      return { kind: 'unusable', why: result.why };
    case 'artifact':
      return fileOfUse(paths.result, 'wrote an empty result file');
    case 'document': {
      const { files, text } = result.document;
      const [file] = files ?? [];
      if (file) return outFile(paths, file);
      if (text !== undefined)
        return text === '' ? unusable('gave an empty text as its result') : { kind: 'text', text };
      if (said !== undefined) return { kind: 'text', text: said };
      return fileOfUse(paths.stdout, 'reported success without a text, a file or anything on stdout');
    }
    case 'none':
      if (said !== undefined) return { kind: 'text', text: said };
      return fileOfUse(paths.stdout, 'ended with exit code 0 and printed nothing');
  }
}

/** Bytes of a file, read as they are asked for. A link put in its place meanwhile is refused. */
export async function* readArtifact(path: string): AsyncGenerator<Uint8Array> {
  // The type knows flags by name only; Node takes the number too.
  const flags = (constants.O_RDONLY | constants.O_NOFOLLOW) as unknown as string;
  for await (const chunk of createReadStream(path, { flags })) yield chunk as Buffer;
}

async function fileOfUse(path: string, whenEmpty: string, mime?: string): Promise<Artifact> {
  const found = await statIfThere(path);
  if (!found || found.size === 0) return unusable(whenEmpty);
  if (!found.isFile()) return unusable(`left ${path}, which is not a plain file`);
  if (found.size > OUTPUT_BYTES_MAX) {
    return unusable(`made ${found.size} bytes, more than the ${OUTPUT_BYTES_MAX} that an artifact may have`);
  }
  return { kind: 'file', path, ...(mime !== undefined && { mime }) };
}

type NamedFile = NonNullable<ResultDocument['files']>[number];

/** A link would let the program publish what it may not read itself, or what changes later. */
async function outFile(paths: RunPaths, { path, bytes, sha256, mime }: NamedFile): Promise<Artifact> {
  const full = resolve(paths.dir, path);
  const within = relative(paths.out, full);
  if (within === '' || within === '..' || within.startsWith(`..${sep}`)) {
    return unusable(`named ${path}, which is not in NIGHTSHIFT_OUT_DIR`);
  }
  let real, stats;
  try {
    [real, stats] = await Promise.all([realpath(full), lstat(full)]);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR')
      return unusable(`named ${path}, which is not there`);
    throw error;
  }
  if (stats.isSymbolicLink() || real !== resolve(await realpath(paths.dir), 'out', within)) {
    return unusable(`named ${path}, which is a link or lies behind one`);
  }
  if (bytes !== undefined && bytes !== stats.size) {
    return unusable(`named ${path} with ${bytes} bytes, and it has ${stats.size}`);
  }
  const found = await fileOfUse(full, `named ${path}, which is empty`, mime);
  if (found.kind === 'file' && sha256 !== undefined && (await hashOf(full)) !== sha256) {
    return unusable(`named ${path} with another hash than it has`);
  }
  return found;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readArtifact(path)) hash.update(chunk);
  return hash.digest('hex');
}

const unusable = (why: string): Artifact => ({ kind: 'unusable', why: `the program ${why}` });
