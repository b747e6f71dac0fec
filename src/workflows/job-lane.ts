import {
  condition,
  getExternalWorkflowHandle,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Joiner, SetAside } from '../contract/messages.js';
import { HOUR_MS } from '../contract/units.js';
import { joinedSignal, laneSignal, setAsideSignal } from './messages.js';

/** Jobs begun by older releases tell nobody but the batch that started them. */
const TELLS_JOINERS = 'tells-joiners';

/** Longest that a lane is waited for: a batch that an older release carries never answers. */
const LANE_ANSWER_MS = 6 * HOUR_MS;

/** The lane that a job takes in its batch, and in each that has joined it: tells them when it needs none. */
export class JobLane {
  private readonly joined: Map<string, Joiner>;
  private waiting = false;
  private stands = false;
  private given = 0;

  /** @param joinedBy those who wait for the job, beside the batch that started it */
  constructor(
    private readonly key: string,
    joinedBy: readonly Joiner[],
  ) {
    this.joined = new Map(joinedBy.map((joiner) => [joiner.workflowId, joiner]));
    setHandler(joinedSignal, async (joiner) => {
      if (!patched(TELLS_JOINERS)) return;
      this.joined.set(joiner.workflowId, joiner);
      if (this.waiting || this.stands) await this.tell(joiner, { waiting: true });
    });
    setHandler(laneSignal, () => void this.given++);
  }

  /** Those who would have to be told, also of a later run of this job. */
  get joiners(): readonly Joiner[] {
    return [...this.joined.values()];
  }

  /** Whether the job waits for a person, and others have its lane. */
  get isAside(): boolean {
    return this.waiting;
  }

  /** Its batch, and those who have joined it, give its lane to another job meanwhile. */
  async setAside(value: boolean): Promise<void> {
    if (this.waiting === value) return;
    this.waiting = value;
    const { parent } = workflowInfo();
    await Promise.all([parent && this.tell(parent, { waiting: value }), this.tellJoiners(value)]);
  }

  /**
   * Resolves when its batch has a lane for it; at once where there is no batch any more, or another one joins it.
   * @param isPressed no lane is waited for any longer
   */
  async back(isPressed: () => boolean): Promise<void> {
    const { parent } = workflowInfo();
    if (!this.waiting) return;
    this.waiting = false;
    const givenBefore = this.given;
    await this.tellJoiners(false);
    if (parent && (await this.tell(parent, { waiting: false, asks: true })))
      await condition(() => this.given > givenBefore || isPressed(), LANE_ANSWER_MS);
  }

  /** A pause holds the lanes of its own batch, but not those of others. */
  async standStill(until: () => boolean): Promise<void> {
    this.stands = true;
    await this.tellJoiners(true);
    await condition(until);
    this.stands = false;
    await this.tellJoiners(false);
  }

  private async tellJoiners(waiting: boolean): Promise<void> {
    await Promise.all(this.joiners.map((joiner) => this.tell(joiner, { waiting })));
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
