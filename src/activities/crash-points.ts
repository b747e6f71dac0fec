/**
 * Named places between two steps, where a worker may die. Tests stop a worker there and start again; in the
 * product `reached` does nothing. What must hold at each point: `docs/reference/crash-points.md`.
 */
export const CRASH_POINTS = {
  A0: 'agent step begun, job not claimed',
  A1: 'job claimed, nothing sent',
  A2: 'intent of a session written, start not sent',
  A3: 'start noted as sent, not sent yet',
  A4: 'session started, its id not in the ledger',
  A5: 'session id in the ledger, before the first heartbeat',
  A6: 'session under way',
  A7: 'session ended, output not collected',
  A8: 'output collected, artifact not stored',
  A9: 'artifact stored, end and usage not booked',
  A10: 'session booked, Activity not reported',
  E0: 'publish begun, receipt not read',
  E1: 'no receipt; destination not asked',
  E2: 'destination has nothing; intent not written',
  E3: 'intent written, request not sent',
  E5: 'destination has answered; answer not looked at',
  E7: 'twin or changed name found, our extra object not yet taken away',
  E8: 'object there, still hidden',
  E9: 'object made visible; answer not looked at',
  E10: 'object visible, not read back',
  E11: 'read back, receipt not written',
  E12: 'receipt written, Activity not reported',
  E14: 'older revision of ours found, update not begun',
  E15: 'undoing noted, not yet done',
  E16: 'undone, not yet recorded',
} as const;

export type CrashPoint = keyof typeof CRASH_POINTS;

/** Called at each point with the key of the job. */
export type Reached = (point: CrashPoint, jobKey: string) => void | Promise<void>;
