import type { ScheduleDefinition } from '../../src/contract/schedules-file.js';

/** Half past two each night in Berlin. */
export const NIGHTLY: ScheduleDefinition = {
  name: 'nights',
  batch: '/batch.yaml',
  from: '/schedules.yaml',
  crons: ['30 2 * * *'],
  timeZone: 'Europe/Berlin',
  overlap: 'skip',
  catchUpMs: 4 * 3_600_000,
  staleMs: 4 * 3_600_000,
  edition: 'date',
  paused: false,
  since: '2026-11-20T12:00:00Z',
};
