/** Material of the articles: each list is a slot of a sentence. */
export const SUBJECTS = [
  'a nightly batch',
  'a small kitchen garden',
  'a team hand-over',
  'a bicycle workshop',
  'a release checklist',
  'a reading group',
  'a backup routine',
  'a shared workspace',
] as const;

export const ANGLES = [
  'what holds up in practice',
  'a plan that survives a busy week',
  'the steps that are easy to miss',
  'how to begin with what is there',
  'fewer parts, better kept',
  'the parts worth checking twice',
] as const;

export const HEADINGS = [
  'Where to begin',
  'What usually goes wrong',
  'A routine that lasts',
  'Tools and their limits',
  'Checking the result',
  'When to stop',
  'Keeping notes',
  'Sharing the work',
] as const;

export const OPENERS = [
  'In most cases',
  'After a few weeks',
  'Before anything else',
  'On a quiet day',
  'With a little practice',
  'As a rule',
  'For a first attempt',
  'Once the basics are in place',
] as const;

export const ACTORS = [
  'the person who set it up',
  'a careful newcomer',
  'anyone who joins later',
  'the one on duty',
  'a patient reader',
  'the group as a whole',
] as const;

export const ACTIONS = [
  'writes down what was done and in which order',
  'compares the result with the list from last time',
  'tries the smallest possible version first',
  'leaves out whatever cannot be explained in a sentence',
  'checks the same three points every time',
  'asks which step could be repeated without harm',
  'sets a limit for time and cost before starting',
  'keeps one spare of each part that wears out',
] as const;

export const REASONS = [
  'because memory is a poor record of details',
  'so that a second pair of eyes can follow along',
  'since most surprises come from steps that looked obvious',
  'which makes a fresh start cheap when something breaks',
  'and that habit pays for itself within a month',
  'because small differences add up over a season',
  'so that nothing depends on a single person',
  'which is easier than repairing the outcome afterwards',
] as const;

export const POINTS = [
  'Name one owner for each step.',
  'Keep the list short enough to read aloud.',
  'Write the date beside every change.',
  'Remove a step before adding a new one.',
  'Test the way back as well as the way forward.',
  'Note what was left undone, and why.',
  'Measure once at the start and once at the end.',
] as const;

export const CLOSINGS = [
  'None of this asks for special skill; it asks for doing the plain things in the same order every time.',
  'The best sign of success is that nobody talks about it any more: the work is simply done by the morning.',
  'Start small, keep what works, and let the list grow only when a real mistake has earned a new line.',
] as const;
