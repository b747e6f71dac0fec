export { openEngine } from './open-engine.js';
export type { Engine, EngineConnection, OpenEngineOptions } from './open-engine.js';
export { EngineUnavailable } from './engine-unavailable.js';
export { peekEngine } from './running-engine.js';
export type { EngineRecord } from './engine-record.js';
export { locateBinary } from './binary.js';
export type { LocateBinaryOptions, TemporalBinary } from './binary.js';
export { tryExclusiveLock, trySharedLock } from './process-lock.js';
export type { ProcessLock } from './process-lock.js';
