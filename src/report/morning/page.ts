import { localTime, plural } from '../format.js';
import { lastOutputText } from '../last-output-text.js';
import { markup, webAddress, type Html } from './html.js';
import { htmlDocument } from './html-document.js';
import type { Cause, Command, Decision, Looks, MorningReport, Night } from './model.js';
import { costSection, timelineSection, trendSection } from './page-plots.js';
import { table } from './page-table.js';
import { nightTitle } from '../../policy/night-alerts.js';
import { deadlineText, MISSED_WORDS, nightsOf, recurrenceOf, whenOf } from './page-words.js';
import { shortTitles } from './short-titles.js';
import { tilesOf } from './tiles.js';
import { amount, cut, number } from './words.js';
import { shortenedTo } from '../../batch/shown.js';

/** Rows that are read without opening anything. */
const DISCARDED_SHOWN = 50;
const LANDED_SHOWN = 12;
const CAUSES_SHOWN = 12;
const MISSED_SHOWN = 12;

/** The report as one file. What is decided comes first. */
export function pageOf(report: MorningReport): string {
  const { name, night, planned, headline, tone, timeZone, madeAt, missed, looks } = report;
  return htmlDocument(
    `${name}: ${headline}`,
    markup`<header>
      <h1>Morning report of <bdi>${name}</bdi></h1>
      <p class="headline ${tone}" role="status">${headline}</p>
      ${planned.length > 0 && markup`<p class="faint">${nightsOf(planned)}</p>`}
      ${night && markup`<p class="faint">${whenOf(night, timeZone)}</p>`}
      ${night?.deadline && markup`<p class="faint">${deadlineText(night.deadline)}</p>`} ${night && tiles(report, night)}
    </header>
    <main>
      ${decisionsSection(report)} ${missed.length > 0 && missedSection(report)}
      ${night && night.discarded.length > 0 && discardedSection(night, timeZone)}
      ${night && landedSection(night, looks, timeZone)} ${night && causesSection(report.causes, night)}
      ${night && timelineSection(night, timeZone)} ${night && costSection(night, timeZone)}
      ${night && trendSection(night, timeZone)}
    </main>
    <footer>
      <p>
        Made by nightshift from its ledger, ${localTime(madeAt, timeZone)}. Times are those of
        ${timeZone}. To see it as it is now: <code>${looks.afresh}</code>
      </p>
    </footer>`,
  );
}

const tiles = (report: MorningReport, night: Night): Html =>
  markup`<dl class="tiles">
    ${tilesOf(report, night).map(
      ({ title, value, notes }) =>
        markup`<div>
          <dt>${title}</dt>
          <dd>${value}${notes.map((note) => markup`<small>${note}</small>`)}</dd>
        </div>`,
    )}
  </dl>`;

const commandList = (commands: readonly Command[]): Html | undefined =>
  commands.length === 0
    ? undefined
    : markup`<ul class="commands">
        ${commands.map(({ say, command }) => markup`<li>${say}: <code>${command}</code></li>`)}
      </ul>`;

function decisionsSection({ decisions, directory }: MorningReport): Html {
  if (decisions.length === 0) return markup`<h2 id="decide">Nothing needs a decision</h2>`;
  return markup`<h2 id="decide">What needs a decision</h2>
    ${directory !== undefined && markup`<p class="faint">Type the commands in <bdi>${directory}</bdi>.</p>`}
    ${decisions.map(decisionBlock)}`;
}

const decisionBlock = ({ title, why, count, cases, commands }: Decision): Html =>
  markup`<section class="decision">
    <h3>${title}${count > 1 && ` (${number(count)})`}</h3>
    <p>${why}</p>
    ${
      cases.length > 0 &&
      markup`<ul>
        ${cases.map(
          (one) =>
            markup`<li>
              <bdi>${one.title}</bdi>
              ${one.detail !== '' && markup`<span class="faint">${one.detail}</span>`}
              ${one.lastOutput !== undefined && markup`<br /><span class="faint">${lastOutputText(one.lastOutput)}</span>`}
              ${commandList(one.commands)}
            </li>`,
        )}${count > cases.length && markup`<li class="faint">and ${number(count - cases.length)} more</li>`}
      </ul>`
    }
    ${commandList(commands)}
  </section>`;

function missedSection({ missed }: MorningReport): Html {
  const columns = [
    { title: 'planned for', kind: 'when' },
    { title: 'schedule' },
    { title: 'edition', kind: 'when' },
    { title: 'what' },
    { title: 'why', kind: 'wide' },
    { title: 'to run it after all', kind: 'wide' },
  ] as const;
  const rows = missed.map(({ night, timeZone, schedule, edition, what, why, command }) => [
    nightTitle(night, timeZone),
    markup`<bdi>${schedule}</bdi>`,
    edition,
    MISSED_WORDS[what],
    markup`<bdi>${why}</bdi>`,
    markup`<code>${command}</code>`,
  ]);
  const rest = rows.slice(MISSED_SHOWN);
  return markup`<h2 id="missed">Nights that were skipped or missed</h2>
    <p class="faint">Of the last 14 days, the newest first; each by the clock of its schedule.</p>
    ${table('Nights that did not run', columns, rows.slice(0, MISSED_SHOWN), { stacks: true })}
    ${
      rest.length > 0 &&
      markup`<details class="long">
        <summary>${number(rest.length)} more</summary>
        ${table('Further nights that did not run', columns, rest, { stacks: true })}
      </details>`
    }`;
}

function discardedSection({ discarded, counts }: Night, timeZone: string): Html {
  const titleOf = shortTitles(discarded.map(({ identity }) => identity));
  const columns = [
    { title: 'what', kind: 'wide' },
    { title: 'by' },
    { title: 'when', kind: 'when' },
    { title: 'why', kind: 'wide' },
  ] as const;
  const rows = discarded
    .slice(0, DISCARDED_SHOWN)
    .map(({ identity, by, at, reason }) => [
      markup`<bdi>${titleOf(identity)}</bdi>`,
      markup`<bdi>${by}</bdi>`,
      localTime(at, timeZone),
      markup`<bdi>${reason}</bdi>`,
    ]);
  const more = (counts.discarded ?? 0) - rows.length;
  return markup`<h2 id="discarded">Discarded</h2>
    <p class="faint">A person has decided that these will not be done.</p>
    ${table('Discarded jobs', columns, rows)} ${more > 0 && markup`<p class="faint">and ${number(more)} more</p>`}`;
}

function landedSection({ landed }: Night, { receipts }: Looks, timeZone: string): Html {
  const { rows, total } = landed;
  if (total === 0) return markup`<h2 id="landed">Nothing has landed</h2>`;
  const columns = [
    { title: 'what', kind: 'wide' },
    { title: 'effect' },
    { title: 'where', kind: 'wide' },
    { title: 'when', kind: 'when' },
  ] as const;
  const titleOf = shortTitles(rows.map(({ identity }) => identity));
  const cells = rows.map(({ identity, effect, use, target, id, url, at, earlier }) => [
    markup`<bdi>${titleOf(identity)}</bdi>`,
    effect,
    placeOf({ use, target, id, url }),
    `${localTime(at, timeZone)}${earlier ? ', done earlier' : ''}`,
  ]);
  const rest = cells.slice(LANDED_SHOWN);
  return markup`<h2 id="landed">What has landed</h2>
    <p class="faint">
      ${plural(total, 'effect is', 'effects are')} at their destinations, each with a receipt.
    </p>
    ${table('What has landed', columns, cells.slice(0, LANDED_SHOWN), { stacks: true })}
    ${
      rest.length > 0 &&
      markup`<details class="long">
        <summary>${number(rest.length)} more</summary>
        ${table('The rest of what has landed', columns, rest)}
      </details>`
    }
    ${
      total > rows.length &&
      markup`<p class="faint">
        These are the first ${number(rows.length)}; all of them: <code>${receipts}</code>
      </p>`
    }`;
}

function placeOf({
  use,
  target,
  id,
  url,
}: {
  readonly use: string;
  readonly target: string;
  readonly id: string;
  readonly url: string | undefined;
}): Html {
  const address = webAddress(url);
  if (address !== undefined)
    return markup`<a href="${address}" rel="noreferrer noopener">${shownAddress(address)}</a>`;
  return markup`<bdi>${url ?? id}</bdi> <span class="faint">${use}${target !== '' && ` ${target}`}</span>`;
}

const ADDRESS_MAX = 90;
const shownAddress = (address: string): string => {
  const text = address.replace(/^https?:\/\//, '');
  return shortenedTo(text, ADDRESS_MAX);
};

function causesSection(causes: readonly Cause[], { cost }: Night): Html {
  if (causes.length === 0) return markup`<h2 id="causes">No failure</h2>`;
  const columns = [
    { title: 'cause', kind: 'wide' },
    { title: 'failed tries', kind: 'number' },
    { title: 'jobs not done', kind: 'number' },
    { title: 'wasted', kind: 'number' },
    { title: 'for example', kind: 'wide' },
    { title: 'before' },
  ] as const;
  const rows = causes.map((cause) => [
    markup`<strong>${cause.meaning}</strong> <span class="faint">(${cause.errorClass})</span><br />
      <bdi>${cut(cause.message)}</bdi>`,
    number(cause.failures),
    number(cause.unfinished),
    cause.wastedMicros === 0 ? '' : amount(cause.wastedMicros, cost.currency),
    cause.examples.map((example, at) => markup`${at > 0 && markup`<br />`}<bdi>${cut(example)}</bdi>`),
    recurrenceOf(cause),
  ]);
  const rest = rows.slice(CAUSES_SHOWN);
  const healed = causes.every(({ unfinished }) => unfinished === 0);
  return markup`<h2 id="causes">Failures by cause</h2>
    <p class="faint">
      ${healed ? 'All of these were overcome without anybody.' : 'Those that left jobs undone come first; the others were overcome without anybody.'}
    </p>
    ${table('Failures by cause', columns, rows.slice(0, CAUSES_SHOWN), { stacks: true })}
    ${
      rest.length > 0 &&
      markup`<details class="long">
        <summary>${number(rest.length)} more causes</summary>
        ${table('Further causes', columns, rest, { stacks: true })}
      </details>`
    }`;
}
