/** Where agents write in their sandbox, relative to its working folder. */
export const OUT_FOLDER = 'out';
/** Written first: by it a run is recognised whose start got no answer. */
export const STARTED_FILE = 'started.json';
/** Outside of what the agent is told of: who makes a file in it first has the sandbox. */
export const CLAIM_FOLDER = 'claim';
