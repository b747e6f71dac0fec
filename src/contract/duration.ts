import { z } from 'zod';
import type { Duration } from './duration-ms.js';

export const durationSchema = z.union([
  z.string().regex(/^\d+(\.\d+)?\s*(ms|s|m|h|d)$/, 'must be a duration such as "90s", "30m" or "2h"'),
  z.number().positive(),
]) satisfies z.ZodType<Duration>;
