import { setCurrentDetails } from '@temporalio/workflow';
import type { JobInput, Session, Spent } from '../contract/messages.js';
import { MICROS, spentText } from '../policy/money.js';
import { clock, placeLink, plain, prose, table } from './markdown.js';

/** Shows in the Temporal Web UI how far a job is: one row for each step. */
export class JobDetails {
  private readonly rows = new Map<string, string>();
  private spent: Spent = {};

  constructor(private readonly input: JobInput) {
    for (const step of ['agent', ...input.effects]) this.rows.set(step, 'to come');
  }

  /** @param how one of our own sentences; what others said goes through `prose` first */
  show(step: string, how: string): void {
    this.rows.set(step, how);
    const { ticket, currency = 'USD' } = this.input;
    const { spentMicros, costUnknown = 0 } = this.spent;
    const spent =
      spentMicros === undefined
        ? ''
        : `; spent on it so far: ${spentText({ total: spentMicros / MICROS, currency, unknown: costUnknown })}`;
    const lines = [
      `**${plain(ticket.title)}**${spent} (${clock(Date.now())})`,
      '',
      ...table(['step', 'how it stands'], [...this.rows]),
      '',
      `Everything it did, over all runs: \`nightshift trace ${ticket.key.slice(0, 12)}\``,
    ];
    setCurrentDetails(lines.join('\n'));
  }

  begun(step: string): void {
    const where = step === 'agent' ? '; its session is in the heartbeat details of the pending activity' : '';
    this.show(step, `under way since ${clock(Date.now())}${where}`);
  }

  waits(step: string, why: string, delayMs: number): void {
    this.show(step, `waits until ${clock(Date.now() + delayMs)}: ${prose(why)}`);
  }

  waitsForLane(step: string): void {
    this.show(step, 'could go on; waits for a free lane of its batch');
  }

  /** A person has to say yes, or no. */
  asks(step: string, why: string): void {
    this.show(
      step,
      `${prose(why)}. Send the signal \`approve\` or \`reject\` to this Workflow, or use \`nightshift approve\``,
    );
  }

  paused(step: string): void {
    this.show(step, 'waits: its batch is paused');
  }

  made(sha256: string, { session }: Session, spent: Spent): void {
    this.spent = spent;
    this.show('agent', `delivered artifact ${sha256.slice(0, 12)}${sessionText(session)}`);
  }

  landed(step: string, kind: 'landed' | 'adopted', url: string | undefined): void {
    this.show(
      step,
      `${kind === 'landed' ? 'landed' : 'found there'}${url === undefined ? '' : `: ${placeLink(url)}`}`,
    );
  }

  stopped(step: string, state: string, why: string, { session }: Session, spent: Spent): void {
    this.spent = spent;
    this.show(step, `${state}: ${prose(why)}${sessionText(session)}`);
  }
}

/** To be looked for at its service. */
const sessionText = (session: string | undefined): string =>
  session === undefined ? '' : `; session ${plain(session)}`;
