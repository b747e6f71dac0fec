import { messageText } from '../command/terminal-text.js';

/** Shorter values are words rather than keys, and messages would suffer. */
const SECRET_LENGTH_MIN = 6;

/** What a service says about an error, as a message may show it: one line, cut, keys that it repeats taken out. */
export const saidText = (text: string, secrets: readonly string[]): string =>
  messageText(
    secrets
      .filter(({ length }) => length >= SECRET_LENGTH_MIN)
      .reduce((rest, secret) => rest.replaceAll(secret, '***'), text),
  );
