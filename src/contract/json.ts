import { z } from 'zod';

/** Any JSON value: what a job's input fields and an adapter's options may hold. */
export type Json = z.infer<typeof jsonSchema>;
export const jsonSchema = z.json();

/** A JSON object, as one job of a jobs file or the options of an adapter. */
export type JsonObject = Record<string, Json>;
export const jsonObjectSchema = z.record(z.string(), jsonSchema);
