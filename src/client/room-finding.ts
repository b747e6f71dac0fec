import type { Room } from '../free-room.js';
import type { Finding } from './doctor.js';

/** Whether the disk of the state directory lasts a night. */
export function roomFinding(dir: string, room: Room | undefined): Finding {
  const subject = 'state directory';
  if (room === undefined) return { subject, status: 'ok', detail: dir };
  const { status, freeBytes } = room;
  const detail = `${dir}, ${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
  if (status === 'ok') return { subject, status, detail };
  const fix = `free some room: ${status === 'fail' ? 'no session is begun with so little' : 'a full disk stops a night'}`;
  return { subject, status, detail, fix };
}
