import { z } from 'zod';

/** Lets somebody in: a batch file that spells it out is refused, as it may hold references to secrets only. */
export const secretSchema = z.string().min(1).meta({ secret: true });
