import { jobTitle } from '../contract/job.js';
import type { EarlierList } from '../contract/result.js';
import { isFinished } from '../contract/states.js';
import { firstOf, localTime, plural } from '../report/format.js';
import type { Shell } from './shell.js';

/** What has become of the list of jobs, one line for each earlier one. */
export const earlierLines = (
  lists: readonly EarlierList[],
  shell: Pick<Shell, 'command'>,
): readonly string[] =>
  lists.map(({ workflowId, openedAt, underWay, added, gone }) => {
    const changes = [
      ...(added > 0 ? [`${plural(added, 'job')} added`] : []),
      ...(gone.length > 0 ? [`${plural(gone.length, 'job')} gone: ${namesOf(gone)}`] : []),
    ];
    const since = `the list has changed since the run of ${localTime(openedAt)}: ${changes.join(', ')}`;
    return underWay
      ? `${since}; that run is still under way and goes on with its own list; end it: ${shell.command('cancel', workflowId)}`
      : since;
  });

/** What is not done first, with its state: nobody else will do it. */
function namesOf(gone: EarlierList['gone']): string {
  const inOrder = [
    ...gone.filter(({ state }) => !isFinished(state)),
    ...gone.filter(({ state }) => isFinished(state)),
  ];
  return firstOf(
    inOrder.map(({ identity, state }) => `${jobTitle(identity)}${isFinished(state) ? '' : ` (${state})`}`),
  );
}
