/** Entry of the Workflow bundle: each export is a Workflow type, and its name is wire format. */
export { batch } from './batch.js';
export { job } from './job.js';
export { nightly } from './nightly.js';
export { shard } from './shard.js';
export { unpublish } from './unpublish.js';
