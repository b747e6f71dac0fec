/** Where agents write in their sandbox, relative to its working folder. */
export const OUT_FOLDER = 'out';
/** Written first: the sandbox of a run whose start got no answer soon shows a change. */
export const STARTED_FILE = 'started.json';
/** Outside of what the agent is told of: who makes a file in it first has the sandbox. */
export const CLAIM_FOLDER = 'claim';
