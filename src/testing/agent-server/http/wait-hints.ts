export type WaitForm = 'seconds' | 'date' | 'ms';

/** Headers that ask a caller to wait, in the caller's own time. Whole seconds are rounded up, never to none. */
export function waitHeaders(form: WaitForm, callersMs: number, nowReal: Date): Record<string, string> {
  const seconds = Math.max(1, Math.ceil(callersMs / 1000));
  switch (form) {
    case 'seconds':
      return { 'retry-after': String(seconds) };
    case 'ms':
      return { 'retry-after-ms': String(Math.max(1, Math.ceil(callersMs))) };
    case 'date':
      return { 'retry-after': new Date(nowReal.getTime() + seconds * 1000).toUTCString() };
  }
}
