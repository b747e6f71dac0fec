import { isUnderWay, type JobState } from '../../contract/states.js';
import type { ErrorClass } from '../../contract/errors.js';
import { jobTitle } from '../../contract/job.js';
import type { ReportJob, ReportRows } from '../../ledger/report-rows.js';
import type { OpenQuestion } from '../../ledger/ledger.js';
import { shownQuestion } from '../../policy/as-shown.js';
import type { ClosedService } from '../../policy/closed-service.js';
import { mendSteps, type Mendable } from '../../policy/mend.js';
import { ARTIFACTS_MENDED, isOfArtifacts } from '../../policy/own-artifacts.js';
import { runCommand } from '../batch-file-command.js';
import { localTime } from '../format.js';
import { closedText } from '../waits-text.js';
import type { Command, Decision, DecisionCase } from './model.js';

/** Cases that are spelt out; the command that lists the others follows. */
const CASES_MAX = 10;

interface Words {
  /** Words that mean the batch. */
  readonly named: readonly string[];
  readonly command: (...words: readonly string[]) => string;
  readonly timeZone: string;
  /** What effects that wait for a yes are sent with, by job key. */
  readonly asked: ReadonlyMap<string, readonly string[]>;
  /** Services that its jobs wait for, and that a person is to hear of. */
  readonly closed: readonly ClosedService[];
}

/** What does not go on without a person, what can't be taken back first; each with what to type. */
export function decisionsOf(rows: ReportRows, words: Words): readonly Decision[] {
  const { batch, unfinished, questions, counts } = rows;
  const { command, named, closed } = words;
  const asked = new Set(questions.map(({ jobKey }) => jobKey));
  const are = (state: JobState, ...classes: readonly ErrorClass[]) =>
    unfinished.filter(
      (job) =>
        job.state === state &&
        (classes.length === 0 || (job.errorClass !== undefined && classes.includes(job.errorClass))),
    );
  const heldOtherwise = are('held').filter(
    ({ errorClass, jobKey, unapproved }) =>
      errorClass !== 'conflict' && unapproved !== 'rejected' && !asked.has(jobKey),
  );
  // Without a question about an effect, what is unknown is what a session did.
  const heldSessions = heldOtherwise.filter(({ errorClass }) => errorClass === 'unknown');
  const areGated = (...classes: readonly ErrorClass[]) =>
    are('gated', ...classes).filter(({ message }) => !isOfArtifacts(message));
  const atGate = are('gated').filter(({ errorClass }) => errorClass === undefined);
  const again = { say: 'then start it again', command: runCommand(command, batch) };
  const mend = (errorClass: Mendable): Command[] =>
    mendSteps(errorClass, { run: again.command, retry: command('retry', ...named) }).map((step) => ({
      say: step.what,
      command: step.command,
    }));
  const parked = are('parked');
  const retry = {
    say: `run ${parked.length === 1 ? 'it' : 'them all'} again, with a fresh budget`,
    command: command('retry', ...named),
  };
  const changed = 'first, where you changed a file';
  const rereads =
    batch.state === 'paused'
      ? [
          { say: `${changed}: end this run, which has it as it was`, command: command('cancel', ...named) },
          again,
        ]
      : [{ ...again, say: `${changed}: start it again, which reads it` }];
  // Where a run could not be opened, the ledger may not even have its list.
  const waiting = counts.jobs === 0 ? batch.jobs : counts.waiting;
  const notStarted = batch.state === 'incomplete' || batch.state === 'cancelled' ? waiting : 0;
  const stopped = counts.cancelled + notStarted;
  const cancelled = rows.requests.findLast(({ what }) => what === 'cancel')?.reason;

  const decisions: readonly (Decision | undefined)[] = [
    some('unknown', questions, {
      title: 'Sent, but no answer came: did it arrive?',
      why: 'Look at the destination, then say what you saw. Nothing is sent again before that.',
      case: (question) => questionCase(question, words),
      commands: [
        ...(questions.length > CASES_MAX
          ? [{ say: 'list all of them', command: command('approve', ...named) }]
          : []),
        again,
      ],
    }),
    some('session', heldSessions, {
      title: 'Their agent may have run: what did it do?',
      why: 'Look at the service whether the run exists and what it did. No other session is begun before you ask for it.',
      case: (job) => ({ ...jobCase(job), commands: [retryOf(job, 'have another session', words)] }),
      commands: [],
    }),
    some(
      'held',
      heldOtherwise.filter((job) => !heldSessions.includes(job)),
      {
        title: 'Held for a look',
        why: 'These must not go on by themselves. See what waits, and look at the destination.',
        case: (job) => heldCase(job, words),
        commands: [{ say: 'see what waits', command: command('approve', ...named) }],
      },
    ),
    some(
      'approval',
      atGate.filter(({ asks }) => asks),
      {
        title: 'Wait for your yes',
        why: 'These leave only with the yes of a person. See what each would do, then approve or reject it.',
        case: (job) => approvalCase(job, words),
        commands: [{ say: 'see what would happen', command: command('approve', ...named) }],
      },
    ),
    some(
      'again',
      isUnderWay(batch.state) ? [] : atGate.filter(({ asks }) => !asks), // a run under way does it by itself
      {
        title: 'Answered, and not carried out yet',
        why: 'The run had ended by then; the next start does it.',
        case: (job) => ({ ...jobCase(job), detail: '' }), // it says that the job waits
        commands: [{ ...again, say: 'start it again' }],
      },
    ),
    some('conflict', are('held', 'conflict'), {
      title: 'In conflict with what is there',
      why: 'Where the job was changed: restore what it said before, or raise its "revision" to have it done anew. Where something else has its place: give it another.',
      case: jobCase,
      commands: [{ ...again, say: 'after the edit, start it again' }],
    }),
    some('credentials', areGated('auth'), {
      title: 'Credentials were refused',
      why: 'Put them right; the jobs wait.',
      case: jobCase,
      commands: mend('auth'),
    }),
    some('configuration', areGated('config'), {
      title: 'Not set up as it should be',
      why: 'Put it right; the jobs wait.',
      case: jobCase,
      commands: mend('config'),
    }),
    some(
      'artifacts',
      are('gated').filter(({ message }) => isOfArtifacts(message)),
      {
        title: 'Artifacts can’t be stored or read',
        why: 'Put their disk right; the jobs wait, and what is made already is not made again.',
        case: jobCase,
        commands: [{ ...again, say: ARTIFACTS_MENDED }],
      },
    ),
    some('budget', are('gated', 'budget'), {
      title: 'The budget is used up',
      why: 'Nothing more is paid for before it is raised or, where it is of a day, before that is over; the jobs wait.',
      case: jobCase,
      commands: mend('budget'),
    }),
    some('parked', parked, {
      title: 'Parked: no try is left, or none would help',
      why: 'Put the cause right (see "Failures by cause"), then let them run again, or say that they will not be done.',
      case: (job) => (parked.length === 1 ? jobCase(job) : parkedCase(job, words)),
      commands: [
        ...rereads,
        retry,
        {
          say: 'or leave one undone for good',
          command: command('discard', ...named, '--job', parked[0]?.jobKey ?? 'KEY', '--reason', 'WHY'),
        },
      ],
    }),
    batch.state === 'paused'
      ? {
          kind: 'paused',
          title: 'The batch is paused',
          why: `${batch.reason ?? 'No reason was given'} (by ${batch.stateBy}). Nothing new starts until it is resumed.`,
          count: 1,
          cases: [],
          commands: [{ say: 'go on', command: command('resume', ...named) }],
        }
      : undefined,
    some(
      'quota',
      closed.filter(({ needsPerson }) => needsPerson),
      {
        title: 'A balance or a spend limit is used up',
        why: 'It does not come back by itself: pay there, or raise the limit. The jobs wait, and go on when that is found out.',
        case: (service) => closedCase(service, words),
        commands: [{ say: 'see when, and how to have it found out at once', command: command('lanes') }],
      },
    ),
    some(
      'quota',
      closed.filter(({ needsPerson }) => !needsPerson),
      {
        title: 'A service has been closed to us for long',
        why: 'The jobs wait, and go on by themselves when it takes them again.',
        case: (service) => closedCase(service, words),
        commands: [{ say: 'see what is closed, and until when', command: command('lanes') }],
      },
    ),
    some('quota', areGated('exhausted', 'throttled', 'transient'), {
      title: 'A service is closed to us for now',
      why: 'A quota is used up, or the service is down. Start again when it is back.',
      case: jobCase,
      commands: [
        { say: 'see until when', command: command('lanes') },
        { ...again, say: 'then start it again' },
      ],
    }),
    stopped > 0
      ? {
          kind: 'again',
          title: batch.state === 'cancelled' ? 'Cancelled before they were done' : 'Not started',
          why: `${batch.reason ?? cancelled ?? 'The batch ended before their turn came'}. What is done stays done.`,
          count: stopped,
          // Only those of which something is left to see to.
          cases: are('cancelled')
            .filter(({ message }) => message !== '')
            .slice(0, CASES_MAX)
            .map(jobCase),
          commands: [{ ...again, say: 'go on with the rest' }],
        }
      : undefined,
  ];
  return decisions.filter((decision) => decision !== undefined);
}

function some<T>(
  kind: Decision['kind'],
  list: readonly T[],
  said: Pick<Decision, 'title' | 'why' | 'commands'> & { readonly case: (one: T) => DecisionCase },
): Decision | undefined {
  if (list.length === 0) return undefined;
  const { title, why, commands } = said;
  return { kind, title, why, commands, count: list.length, cases: list.slice(0, CASES_MAX).map(said.case) };
}

function questionCase(question: OpenQuestion, { command, timeZone }: Words): DecisionCase {
  const { name, identity, use, target, firstSentAt } = question;
  const shown = shownQuestion(question);
  const sent = firstSentAt === undefined ? '' : `, sent ${localTime(firstSentAt, timeZone)}`;
  return {
    title: jobTitle(identity),
    detail: `“${name}” to ${use} ${target}${sent}`,
    commands: [
      { say: 'it is there', command: command('approve', '--effect', shown, '--landed') },
      { say: 'it is not there', command: command('approve', '--effect', shown, '--not-landed') },
    ],
  };
}

const jobCase = ({ identity, message, lastOutput }: ReportJob): DecisionCase => ({
  title: jobTitle(identity),
  detail: message,
  ...(lastOutput !== undefined && { lastOutput }),
  commands: [],
});

const closedCase = (service: ClosedService, { timeZone }: Words): DecisionCase => ({
  title: service.subject,
  detail: closedText(service, timeZone),
  commands: [],
});

const approvalCase = (job: ReportJob, { asked }: Words): DecisionCase => ({
  ...jobCase(job),
  detail: [job.message, ...(asked.get(job.jobKey) ?? [])].join(': '),
});

const parkedCase = (job: ReportJob, words: Words): DecisionCase => ({
  ...jobCase(job),
  commands: [retryOf(job, 'only this one', words)],
});

const heldCase = (job: ReportJob, words: Words): DecisionCase => ({
  ...jobCase(job),
  commands: [retryOf(job, 'when it may go on', words)],
});

const retryOf = (job: ReportJob, say: string, { command, named }: Words): Command => ({
  say,
  command: command('retry', ...named, '--job', job.jobKey),
});
