import { createHash } from 'node:crypto';
import * as phrases from './phrases.js';

const SECTIONS = 5;
const SENTENCES = 4;

/**
 * A Markdown article of 350 to 500 words in five sections, made from nothing but the prompt's hash: the same
 * prompt always gives the same bytes.
 */
export function articleFor(prompt: string): string {
  const choose = chooser(prompt);
  const subject = choose(phrases.SUBJECTS);
  const title = `${capital(subject)}: ${choose(phrases.ANGLES)}`;
  const headings = shuffled(phrases.HEADINGS, choose).slice(0, SECTIONS);
  const sections = headings.map((heading, index) => {
    const text = Array.from({ length: SENTENCES }, () => sentence(choose)).join(' ');
    return `## ${heading}\n\n${text}${index === 2 ? `\n\n${points(choose)}` : ''}`;
  });
  const lead = `This article is about ${subject}. ${sentence(choose)} ${sentence(choose)}`;
  return `# ${title}\n\n${lead}\n\n${sections.join('\n\n')}\n\n${choose(phrases.CLOSINGS)}\n`;
}

type Choose = <T>(from: readonly T[]) => T;

/** Walks through the bytes of the prompt's hash, hashing again where they end. */
function chooser(prompt: string): Choose {
  let digest = createHash('sha256').update(prompt).digest();
  let position = 0;
  return (from) => {
    if (position + 2 > digest.length) {
      digest = createHash('sha256').update(digest).digest();
      position = 0;
    }
    const number = digest.readUInt16BE(position);
    position += 2;
    const chosen = from[number % from.length];
    if (chosen === undefined) throw new RangeError('nothing to choose from');
    return chosen;
  };
}

const sentence = (choose: Choose): string =>
  `${choose(phrases.OPENERS)}, ${choose(phrases.ACTORS)} ${choose(phrases.ACTIONS)}, ${choose(phrases.REASONS)}.`;

const points = (choose: Choose): string =>
  shuffled(phrases.POINTS, choose)
    .slice(0, 4)
    .map((point) => `- ${point}`)
    .join('\n');

function shuffled<T>(list: readonly T[], choose: Choose): T[] {
  const left = [...list];
  return list.map(() => {
    const one = choose(left);
    left.splice(left.indexOf(one), 1);
    return one;
  });
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
