/** Controls, breaks, halves of characters, and marks that make a name read as another. */
export const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/u;
