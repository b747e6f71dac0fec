/** What current details are written with: Markdown that the Temporal Web UI shows. */

const CELL_MAX = 300;

/** Titles and reasons come from files and agents: nothing of them may become markup, or a link. */
export const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .slice(0, CELL_MAX)
    .replace(/[\\|`*_[\]<>#~&!(){}$]/g, '\\$&')
    .replace(/(https?|www|ftp|mailto)([:.])/gi, '$1\u200b$2');

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

/** `04:03:26 CET`, in the zone of the worker. Only shown, never decided upon. */
export function clock(ms: number): string {
  return new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(new Date(ms));
}
