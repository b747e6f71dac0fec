import { condition, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import type { AwayFor, Joiner, SetAside } from '../contract/messages.js';
import { HOUR_MS } from '../contract/units.js';
import { joinedSignal, laneSignal, setAsideSignal } from './messages.js';

/** Whoever was asked for a lane may be gone before it has one: it, or another, is asked again after this time. */
const ASK_AGAIN_MS = HOUR_MS;

/**
 * The lane that a job takes in its batch, and in each that has joined it: tells them while it needs none.
 *
 *  JL1. What waits needs no lane: for a person, for something of its own site, or for an agent that takes nothing.
 *  JL2. A pause of its own batch holds the lanes there, but none of those who have joined it.
 *  JL3. To go on it asks for a lane: its batch, or where that has ended whoever has joined it last; nobody, and it goes on.
 */
export class JobLane {
  private readonly joined: Map<string, Joiner>;
  private joins = 0;
  private away: AwayFor | undefined;
  private stands = false;
  private given = 0;

  /** @param joinedBy those who wait for the job, beside the batch that started it */
  constructor(
    private readonly key: string,
    joinedBy: readonly Joiner[],
  ) {
    this.joined = new Map(joinedBy.map((joiner) => [joiner.workflowId, joiner]));
    setHandler(joinedSignal, async (joiner) => {
      this.joined.delete(joiner.workflowId); // the newest is the last
      this.joined.set(joiner.workflowId, joiner);
      this.joins++;
      if (this.awayFor !== undefined) await this.tell(joiner, awayFor(this.awayFor));
    });
    setHandler(laneSignal, () => void this.given++);
  }

  /** Those who would have to be told, also of a later run of this job. */
  get joiners(): readonly Joiner[] {
    return [...this.joined.values()];
  }

  /** What the job waits for while others have its lane. */
  get awayFor(): AwayFor | undefined {
    return this.away ?? (this.stands ? 'pause' : undefined);
  }

  /** JL1 */
  async leave(why: AwayFor): Promise<void> {
    if (this.away === why) return;
    this.away = why;
    await this.tellAll(awayFor(why));
  }

  /** It ends, or begins a new history: where it has left its lane, it is not waited for there. */
  async cease(): Promise<void> {
    await this.goOn();
    if (this.away === undefined) return;
    this.away = undefined;
    await this.tellAll({ waiting: false });
  }

  /** JL3. Resolves when it has a lane. */
  async ask(): Promise<void> {
    await this.goOn();
    if (this.away === undefined) return;
    const givenBefore = this.given;
    let asked: Joiner | undefined;
    while (this.given === givenBefore) {
      asked = await this.askOne();
      if (asked === undefined) break;
      const joinsBefore = this.joins;
      await condition(() => this.given > givenBefore || this.joins > joinsBefore, ASK_AGAIN_MS);
    }
    this.away = undefined;
    const others = this.all.filter((one) => one !== asked);
    await Promise.all(others.map((one) => this.tell(one, { waiting: false })));
  }

  /** JL2. Until it goes on: it may look now and then whether it could. */
  async standStill(): Promise<void> {
    if (this.stands) return;
    this.stands = true;
    if (this.away === undefined) await this.tellJoiners(awayFor('pause'));
  }

  /** The end of `standStill`. */
  async goOn(): Promise<void> {
    if (!this.stands) return;
    this.stands = false;
    if (this.away === undefined) await this.tellJoiners({ waiting: false });
  }

  /** Its batch first, then those who have joined it, the newest first. */
  private get all(): readonly Joiner[] {
    const { parent } = workflowInfo();
    return [...(parent ? [parent] : []), ...this.joiners.toReversed()];
  }

  /** @returns who was asked; undefined where nobody is left */
  private async askOne(): Promise<Joiner | undefined> {
    for (const one of this.all) if (await this.tell(one, { waiting: false, asks: true })) return one;
    return undefined;
  }

  private async tellAll(how: Omit<SetAside, 'key'>): Promise<void> {
    await Promise.all(this.all.map((one) => this.tell(one, how)));
  }

  private async tellJoiners(how: Omit<SetAside, 'key'>): Promise<void> {
    await Promise.all(this.joiners.map((joiner) => this.tell(joiner, how)));
  }

  /** @returns false for one that is gone, and needs not be told */
  private async tell({ workflowId, runId }: Joiner, how: Omit<SetAside, 'key'>): Promise<boolean> {
    const handle = getExternalWorkflowHandle(workflowId, runId);
    return handle.signal(setAsideSignal, { key: this.key, ...how }).then(
      () => true,
      () => false,
    );
  }
}

const awayFor = (why: AwayFor) => ({ waiting: true, for: why });
