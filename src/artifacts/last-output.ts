import { statePaths } from '../config.js';
import { artifactFile } from './folder-store.js';

/** A job, and the SHA-256 of what it made last, where that was kept though the job has stopped. */
interface Stopped {
  readonly lastArtifact?: string | undefined;
}

/** Adds the file in which a person can read what a stopped job made last. */
export const withLastOutput =
  (stateDir: string) =>
  <T extends Stopped>(job: T): T & { readonly lastOutput?: string } =>
    job.lastArtifact === undefined
      ? job
      : { ...job, lastOutput: artifactFile(statePaths(stateDir).artifacts, job.lastArtifact) };
