import { sha256 } from '../draw.js';
import { articleFor } from './article.js';
import type { OutputForm } from './plan.js';

/** A file that the agent has written. */
export interface OutFile {
  readonly path: string;
  readonly bytes: Buffer;
}

export interface Outputs {
  /** What the agent says at the end: the article itself; empty when it says nothing. */
  readonly text: string;
  /** In the order in which they are written: the article, then the manifest. */
  readonly files: readonly OutFile[];
}

/** What a prompt asks to be written where. A path in it that ends in `manifest.json` sets the folder. */
export function placesIn(
  prompt: string,
  folderWhenUnsaid: string,
): { folder: string; article: string; manifest: string } {
  const asked = /(?:[\w.-]+\/)+manifest\.json/.exec(prompt)?.[0];
  const folder = asked === undefined ? folderWhenUnsaid : asked.slice(0, -'manifest.json'.length);
  const named = [...prompt.matchAll(/(?:[\w.-]+\/)+[\w.-]+\.(?:md|html|txt)\b/g)]
    .map(([path]) => path)
    .find((path) => path.startsWith(folder));
  return { folder, article: named ?? `${folder}article.md`, manifest: `${folder}manifest.json` };
}

/** Where an agent's files go. */
export interface OutputRules {
  /** Ends in a slash. */
  readonly folderWhenUnsaid: string;
  /** Left out of the paths that the service shows. */
  readonly root: string;
}

/** Everything that a finished run leaves behind; pure, so nothing of it has to be stored. */
export function outputsOf(
  prompt: string,
  form: OutputForm,
  { folderWhenUnsaid, root }: OutputRules,
): Outputs {
  if (form === 'none') return { text: '', files: [] };
  const asked = placesIn(prompt, folderWhenUnsaid);
  const shown = (path: string): string => (path.startsWith(root) ? path.slice(root.length) : path);
  const places = { article: shown(asked.article), manifest: shown(asked.manifest) };
  const whole = articleFor(prompt);
  const cut = whole.slice(0, Math.floor(whole.length * 0.4));
  const manifest: OutFile = { path: places.manifest, bytes: manifestOf(places.article, whole) };
  const article = (text: string): OutFile => ({ path: places.article, bytes: Buffer.from(text) });
  switch (form) {
    case 'whole':
      return { text: whole, files: [article(whole), manifest] };
    case 'wrong-hash':
      return { text: cut, files: [article(cut), manifest] };
    case 'no-manifest':
      return { text: cut, files: [article(cut)] };
    case 'gone':
      return { text: whole, files: [] };
  }
}

/** `{files:[{path,bytes,sha256}]}`, written last: it says that the output is complete. */
function manifestOf(path: string, text: string): Buffer {
  const bytes = Buffer.from(text);
  const files = [{ path, bytes: bytes.length, sha256: sha256(bytes) }];
  return Buffer.from(`${JSON.stringify({ files }, null, 2)}\n`);
}
