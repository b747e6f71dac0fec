import type { Notice } from '../contract/alerts.js';
import { localTime, localTimesIn, plural } from '../report/format.js';
import { safeText } from '../report/safe-text.js';

const SIGNS: Readonly<Record<Notice['kind'], string>> = {
  opened: 'needs you',
  reminder: 'still needs you',
  recovered: 'recovered',
  test: 'test',
};

const WARNINGS: ReadonlySet<Notice['rule']> = new Set(['spending', 'deadline', 'failing']);

/** Whether it tells of what may come. */
export const isWarning = (rule: Notice['rule']): boolean => WARNINGS.has(rule);

/** One line that says which batch, and what is the matter. */
export const noticeTitle = ({ kind, batch, detail, rule }: Notice): string =>
  kind === 'recovered'
    ? `nightshift: ${batch} recovered (${rule})`
    : `nightshift: ${batch} ${isWarning(rule) ? 'warns' : SIGNS[kind]}: ${short(localTimesIn(detail.headline), 120)}`;

/** The whole message for a person, line by line; harmless wherever text is shown as text. */
export function noticeLines(notice: Notice): string[] {
  const { kind, batch, detail, firstSeen, lastSeen } = notice;
  const { jobs, of, examples, next } = detail;
  const headline = localTimesIn(detail.headline);
  if (kind === 'recovered') {
    return [`The cause is gone: ${headline}`, `open from ${localTime(firstSeen)} to ${localTime(lastSeen)}`];
  }
  const count = jobs > 0 ? [`${jobs} of ${plural(of, 'job')} in ${batch}`] : [];
  const since = kind === 'reminder' ? [`open since ${localTime(firstSeen)}`] : [];
  const shown = examples.flatMap(({ title, message, key }) => [
    `  ${title}${key === '' ? '' : `  [${key}]`}`,
    ...(message === '' ? [] : [`    ${short(localTimesIn(message), 300)}`]),
  ]);
  const more = jobs - examples.length;
  return [
    headline,
    ...count,
    ...since,
    ...(shown.length > 0 ? ['', 'for example:', ...shown] : []),
    ...(shown.length > 0 && more > 0 ? [`  and ${more} more`] : []),
    '',
    'next:',
    ...next.map(({ what, command }) => `  ${what}:\n    ${command}`),
  ];
}

/** A copy for people, in which every text is one harmless line without secrets. */
export function harmless(notice: Notice, redact: (text: string) => string): Notice {
  const clean = (text: string) => safeText(redact(text));
  const { nights: _, ...detail } = notice.detail;
  return {
    ...notice,
    batch: clean(notice.batch),
    subject: clean(notice.subject),
    detail: {
      ...detail,
      headline: clean(detail.headline),
      examples: detail.examples.map(({ key, title, message }) => ({
        key: clean(key),
        title: short(clean(title), 200),
        message: short(clean(message), 500),
      })),
      next: detail.next.map(({ what, command }) => ({ what: clean(what), command: clean(command) })),
    },
  };
}

const short = (text: string, max: number): string =>
  text.length > max ? `${text.slice(0, max - 1)}…` : text;
