/** What nightshift keeps itself, as alerts name it. */
export const ARTIFACTS = 'artifacts';

/** Has a space: no effect has such a name, and what stops at an effect begins with that. */
const OURS = `our ${ARTIFACTS}: `;

/** What is written down of a job that they stop, for its row has no other place for it. */
export const stoppedByArtifacts = (why: string): string => `${OURS}${why}`;

/** Whether it says that they have stopped a job, and no service. */
export const isOfArtifacts = (message = ''): boolean => message.startsWith(OURS);

/** What a person waits for, or sees to, before those go on. */
export const ARTIFACTS_MENDED = 'when artifacts can be stored and read again';
