import type { UnpublishEnd, UnpublishInput, UnpublishSummary } from '../contract/messages.js';
import { effectActivities } from './activity-options.js';

/** Takes effects of one job back, one after another: what came last goes first. */
export async function unpublish({ ref, title, effects, timing }: UnpublishInput): Promise<UnpublishSummary> {
  const activities = effectActivities(timing);
  const ends: { effect: string; end: UnpublishEnd }[] = [];
  for (const { effect, revision } of effects) {
    const summary = `unpublish ${effect}: ${title}`;
    ends.push({
      effect,
      end: await activities.unpublish.executeWithOptions({ summary }, [{ ...ref, effect, revision }]),
    });
  }
  return ends;
}
