import { setCurrentDetails } from '@temporalio/workflow';
import type { JobInput } from '../contract/messages.js';
import { clock, money, placeLink, plain, table } from './markdown.js';

/** Shows in the Temporal Web UI how far a job is: one row for each step. */
export class JobDetails {
  private readonly rows = new Map<string, string>();
  private spent: number | undefined;

  constructor(private readonly input: JobInput) {
    for (const step of ['agent', ...input.effects]) this.rows.set(step, 'to come');
  }

  /** @param how one of our own sentences; what others said goes through `plain` first */
  show(step: string, how: string): void {
    this.rows.set(step, how);
    const { ticket, currency = 'USD' } = this.input;
    const spent = this.spent === undefined ? '' : `, ${money(this.spent, currency)} spent on it so far`;
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
    this.show(step, `waits until ${clock(Date.now() + delayMs)}: ${plain(why)}`);
  }

  /** A person has to say yes, or no. */
  asks(step: string, why: string): void {
    this.show(
      step,
      `${plain(why)}. Send the signal \`approve\` or \`reject\` to this Workflow, or use \`nightshift approve\``,
    );
  }

  paused(step: string): void {
    this.show(step, 'waits: its batch is paused');
  }

  made(sha256: string, spentMicros: number | undefined): void {
    this.spent = spentMicros;
    this.show('agent', `delivered artifact ${sha256.slice(0, 12)}`);
  }

  landed(step: string, kind: 'landed' | 'adopted', url: string | undefined): void {
    this.show(
      step,
      `${kind === 'landed' ? 'landed' : 'found there'}${url === undefined ? '' : `: ${placeLink(url)}`}`,
    );
  }

  stopped(step: string, state: string, why: string, spentMicros?: number): void {
    this.spent = spentMicros ?? this.spent;
    this.show(step, `${state}: ${plain(why)}`);
  }
}
