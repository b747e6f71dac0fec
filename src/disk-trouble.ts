/** What trouble with a disk means, for the ledger and for artifacts alike. */
export interface DiskTrouble {
  readonly errorClass: 'transient' | 'config';
  /** What to do about it. */
  readonly fix: string;
}

/** Waited for, whoever makes room: what can't be kept can't be an end of anything. */
export const NO_ROOM_LEFT: DiskTrouble = {
  errorClass: 'transient',
  fix: 'free some room there; jobs that wait for it go on by themselves',
};

/** Likewise. */
export const FAILS: DiskTrouble = {
  errorClass: 'transient',
  fix: 'see to its disk: its room, a quota, its health',
};

/** A person has to mend it. @param what it has to be */
export const noRightTo = (what: string): DiskTrouble => ({
  errorClass: 'config',
  fix: `it has to be ${what}, on a disk, that this user may write`,
});
