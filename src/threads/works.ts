import { toHtml, type HtmlOptions } from '../activities/publishers/html/to-html.js';
import { textWork } from '../checks/text-work.js';
import type { Work } from './work.js';

interface HtmlRequest {
  readonly text: string;
  readonly options: HtmlOptions;
}

const htmlWork: Work<HtmlRequest, string> = ({ text, options }) => toHtml(text, options);

/** All work that is done in threads. Loaded there alone: others import its types. */
export const WORKS = { checks: textWork, html: htmlWork };

type Works = typeof WORKS;
export type WorkName = keyof Works;
export type RequestOf<N extends WorkName> = Parameters<Works[N]>[0];
export type ResultOf<N extends WorkName> = Awaited<ReturnType<Works[N]>>;
type Asks<N extends WorkName> = Parameters<Works[N]>[1]['ask'];
export type QuestionOf<N extends WorkName> = Parameters<Asks<N>>[0];
export type AnswerOf<N extends WorkName> = Awaited<ReturnType<Asks<N>>>;
