/** Task Queue for Activities that only wait, beside the one that everything else uses. */
export const waitQueue = (taskQueue: string): string => `${taskQueue}-wait`;
