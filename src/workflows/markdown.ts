/** What current details are written with: Markdown that the Temporal Web UI shows. */
import { isoTime } from '../policy/back-at.js';
import { localTime, localTimesIn } from '../policy/wall-clock.js';

const CELL_MAX = 300;

/** Titles and reasons come from files and agents: nothing of them may become markup, or a link. */
export const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .slice(0, CELL_MAX)
    .replace(/[\\|`*_[\]<>#~&!(){}$]/g, '\\$&')
    .replace(/(https?|www|ftp|mailto)([:.])/gi, '$1\u200b$2');

/** The same of a sentence, such as why something waits: its times are said by the clock on the wall. */
export const prose = (text: string, timeZone?: string): string => plain(localTimesIn(text, timeZone));

/** The UI sets columns without any space between them. */
const GAP = '\u2003 | ';

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(GAP)} |`,
  `| ${head.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.join(GAP)} |`),
];

/** To the page of another Workflow in the same UI. */
export const workflowLink = (title: string, namespace: string, workflowId: string): string =>
  `[${plain(title)}](/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)})`;

/** A place that people can open becomes a link, whole or not at all. */
export const placeLink = (url: string): string =>
  /^https?:\/\/[^\s<>()[\]|`\\]+$/.test(url) ? `[${plain(url)}](${url})` : plain(url);

/** `2026-11-23 04:03:26 CET`, in the zone of the worker. With the day: nobody knows when the page is read. */
export const clock = (ms: number): string => localTime(isoTime(ms));
