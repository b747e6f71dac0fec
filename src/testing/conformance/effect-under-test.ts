import { createHash } from 'node:crypto';
import { ARTIFACT_MARK, BARE_ARTIFACT } from '../../batch/artifact-mark.js';
import { mapFields } from '../../batch/secrets.js';
import type { Job } from '../../contract/job.js';
import type { JsonObject } from '../../contract/json.js';
import { effectKey, jobKey } from '../../identity/keys.js';
import { fingerprint } from '../../identity/fingerprint.js';

/** Plain JSON: it goes to child processes that are to be killed. */
export interface EffectUnderTest {
  readonly slug: string;
  readonly effectKey: string;
  readonly job: Job;
  readonly use: string;
  readonly target: string;
  readonly with: JsonObject;
  readonly text: string;
}

export const WORK = 'conformance';

export function effectUnderTest(
  place: {
    readonly use: string;
    readonly target: string;
    options(slug: string, effectKey: string): JsonObject;
  },
  slug: string,
  { text = `# ${slug}\n\nA text of ${slug}.\n`, revision = 1 } = {},
): EffectUnderTest {
  // An identity has no control characters; other fields of a job may.
  const identity = { slug: slug.replaceAll(/\p{Cc}/gu, '_') };
  const key = jobKey(identity);
  const input = {};
  const ofEffect = effectKey({ work: WORK, jobKey: key, name: 'post', target: place.target });
  const everyArtifact = new RegExp(BARE_ARTIFACT, 'g');
  const options = mapFields(place.options(slug, ofEffect), (option) =>
    option.replaceAll(everyArtifact, ARTIFACT_MARK),
  );
  return {
    slug,
    effectKey: ofEffect,
    job: { key, identity, input, revision, fingerprint: fingerprint({ identity, input: { revision } }) },
    use: place.use,
    target: place.target,
    with: options,
    text,
  };
}

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
