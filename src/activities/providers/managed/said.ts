import { masked } from '../../../batch/masked.js';
import { messageText } from '../command/terminal-text.js';

/** What a service says about an error, as a message may show it: one line, cut, keys that it repeats taken out. */
export const saidText = (text: string, secrets: readonly string[]): string =>
  messageText(masked(text, secrets));
