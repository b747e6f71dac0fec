import { readIfWhole } from '../activities/read-artifact.js';
import type { ArtifactStore } from '../contract/artifact.js';
import { lineDifference } from '../policy/line-difference.js';
import { changesBetween, type Changes } from './approval-preview.js';

/** Of what would be published to what is there; told where both are known. */
export type Difference =
  | { readonly kind: 'new'; readonly lines: number }
  | { readonly kind: 'same' }
  | {
      readonly kind: 'lines';
      readonly added: number;
      readonly removed: number;
      /** The first lines of what changes. */
      readonly changed: Changes;
    }
  /** What is there is known by its hash alone. */
  | { readonly kind: 'content'; readonly there: string; readonly here: string };

/** What is there is known where it was published from here, and its artifact was kept. */
export async function differenceTo(
  there: string | undefined,
  here: { readonly sha256: string; readonly bytes: Uint8Array },
  artifacts: ArtifactStore,
): Promise<Difference> {
  const after = new TextDecoder().decode(here.bytes);
  if (there === undefined) return { kind: 'new', lines: lineDifference('', after).added };
  if (there === here.sha256) return { kind: 'same' };
  const before = await readIfWhole(artifacts, there);
  if (!before) return { kind: 'content', there, here: here.sha256 };
  const earlier = new TextDecoder().decode(before);
  return { kind: 'lines', ...lineDifference(earlier, after), changed: changesBetween(earlier, after) };
}
