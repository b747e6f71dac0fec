import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** SHA-256 of the text's UTF-8 bytes as 64 lower-case hex characters; the same inside the Workflow sandbox. */
export const sha256Hex = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));
