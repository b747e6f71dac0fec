import { createHash } from 'node:crypto';
import { decodeEntities } from './entities.js';

/** What says whose a post is. */
export interface Mark {
  readonly effectKey: string;
  readonly revision: number;
  readonly fingerprint: string;
  /** Of the artifact. */
  readonly sha256: string;
  /** Of title and excerpt, see `headDigest`. */
  readonly head: string;
}

const MARK = /nightshift ([0-9a-f]{32}) r([0-9]{1,7}) ([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{16})/;
const COMMENT = new RegExp(`<!-- ${MARK.source} -->`);

export const markText = ({ effectKey, revision, fingerprint, sha256, head }: Mark): string =>
  `nightshift ${effectKey} r${revision} ${fingerprint} ${sha256} ${head}`;

/** WordPress keeps comments, also those of authors; it drops unknown fields and attributes. */
export const markComment = (mark: Mark): string => `<!-- ${markText(mark)} -->`;

/** The first mark counts: ours stands before all that an artifact may hold. */
export const markIn = (content: string): Mark | undefined => parsed(COMMENT.exec(content));

/** A mark as a meta field holds it: alone. */
export const markOf = (value: string): Mark | undefined => parsed(new RegExp(`^${MARK.source}$`).exec(value));

function parsed(match: RegExpExecArray | null): Mark | undefined {
  if (!match) return undefined;
  const [, effectKey = '', revision = '', fingerprint = '', sha256 = '', head = ''] = match;
  return { effectKey, revision: Number(revision), fingerprint, sha256, head };
}

/**
 * Tells whether a person changed title or excerpt. WordPress writes some characters as entities, for some users and
 * not for others: to the digest they are the same.
 */
export const headDigest = (title: string, excerpt: string): string =>
  createHash('sha256')
    .update(JSON.stringify([title, excerpt].map(plain)))
    .digest('hex')
    .slice(0, 16);

const plain = (text: string): string => decodeEntities(text).replace(/\s+/gu, ' ').trim().normalize('NFC');
