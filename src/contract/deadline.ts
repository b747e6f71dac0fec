import { z } from 'zod';
import { durationMs } from './duration-ms.js';
import { durationSchema } from './duration.js';
import { timeOfDaySchema, timeZoneSchema } from './local-time.js';

const MIN_MS = 60_000;

/** When a run is to be over. It changes no job and no key: people are told, and nothing is stopped. */
export const deadlineSchema = z
  .union([
    ...durationSchema.options,
    z.strictObject({
      at: timeOfDaySchema,
      timeZone: timeZoneSchema.describe('whose clock says when, such as Europe/Madrid'),
    }),
  ])
  .refine(isLongEnough, 'must be at least 1m')
  .describe(
    'when a run is to be over: so long after it was started, or the next such time, { at: "07:00", timeZone: Europe/Madrid }; people are told, nothing is stopped',
  );
export type DeadlineSpec = z.infer<typeof deadlineSchema>;

/** Of what is no duration, the form has been complained of already. */
function isLongEnough(deadline: unknown): boolean {
  const span = durationSchema.safeParse(deadline);
  return !span.success || durationMs(span.data) >= MIN_MS;
}
