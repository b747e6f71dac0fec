import type { Json } from '../contract/json.js';
import { mapTexts } from './secrets.js';

/**
 * Stands for the artifact in options that were filled in before there was one. A noncharacter of Unicode, "intended
 * for process-internal use": no text that is meant to be read has it.
 */
export const ARTIFACT_MARK = '\ufdd2';

/** The one way to write it in a template: what stands for the artifact could not be filtered. */
export const BARE_ARTIFACT = /\{\{-?\s*artifact\s*-?\}\}/;

export const hasArtifact = (text: string): boolean => text.includes(ARTIFACT_MARK);

export function namesArtifact(value: Json): boolean {
  let named = false;
  mapTexts(value, (text) => {
    named ||= hasArtifact(text);
    return text;
  });
  return named;
}

/** A copy with the artifact's text wherever it is named. What comes in is not looked at again. */
export const fillArtifact = (value: Json, artifact: string): Json =>
  mapTexts(value, (text) => text.replaceAll(ARTIFACT_MARK, () => artifact));
