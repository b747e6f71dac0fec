/** Where agents write in their sandbox, relative to its working folder. */
export const OUT_FOLDER = 'out';
/** Written first: by it a run is recognised whose start got no answer. */
export const STARTED_FILE = 'started.json';
