import { MANIFEST_NAME } from './manifest.js';

/** Where and how an agent leaves its result. */
export interface OutputPlace {
  /** As the agent writes it, such as `out`; without a slash at its end. */
  readonly folder: string;
  /** Name of the artifact in it. */
  readonly file: string;
  /** Written before anything else, where a start without an answer is recognised by it. */
  readonly startedFile?: string;
}

/** The job's prompt, and what the agent has to do so that its result can be trusted to be whole. */
export function promptWithOutput(prompt: string, { folder, file, startedFile }: OutputPlace): string {
  const path = (name: string): string => `${folder}/${name}`;
  const steps = [
    ...(startedFile === undefined
      ? []
      : [`Before anything else, write the file ${path(startedFile)} with the content {}.`]),
    `Write the complete result, and nothing else, to the file ${path(file)}.`,
    `When that file is complete, and as your very last action, write ${path(MANIFEST_NAME)}: one JSON object ` +
      `{"files":[{"path":"${file}","bytes":<size in bytes>,"sha256":"<SHA-256 of the file, lower-case hex>"}]}. ` +
      'Compute size and hash from the file on disk. Do not change the file afterwards.',
  ];
  const numbered = steps.map((step, index) => `${index + 1}. ${step}`).join('\n');
  return `${prompt.trimEnd()}\n\nHow to hand over the result:\n${numbered}\n`;
}
