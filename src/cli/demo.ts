import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Line } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import { killedAndStartedAgain, startedOnceMore, type Outcome } from './demo/night.js';
import { setStage } from './demo/stage.js';
import type { Shell } from './shell.js';

export interface DemoFlags {
  /** Where its files go; a folder of its own under the state directory unless given. */
  readonly dir?: string;
}

/**
 * `nightshift demo`: one night, two ways. Both write the same twelve articles with the same agent, both are killed by
 * SIGKILL in job 3 and started again. What came of it is counted by the agent's own log and in the posts folder.
 */
export async function demo({ dir }: DemoFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const { config } = await shell.nightshift();
  const root = resolve(dir ?? join(config.stateDir, 'demo', stamp(new Date())));
  mkdirSync(root, { recursive: true });
  const { naive, nightshift, state } = setStage(root);

  out.progress('Twelve articles for three sites, one after another. At 2 a.m. the machine dies in job 3.');
  out.progress('');
  const { openEngine } = await import('../engine/index.js');
  const engine = await openEngine({
    stateDir: state,
    env: config.env,
    onProgress: (line) => out.progress(line),
  });
  try {
    out.progress('');
    out.progress('1. A script: reads the list, calls the agent, posts.');
    const script = await killedAndStartedAgain(naive, (line) => out.progress(`   ${line}`));
    out.progress('');
    out.progress('2. nightshift: the same jobs, the same agent, the same kill.');
    const batch = await killedAndStartedAgain(nightshift, (line) => out.progress(`   ${line}`));
    out.progress('   and started a third time, with nothing left to do');
    const third = await startedOnceMore(nightshift);
    out.progress('');

    out.results(comparison(script, batch, third));
    const shown = (path: string) => relative(process.cwd(), path) || '.';
    out.result('');
    out.result(`posts           ${shown(nightshift.posts)}   (the script's: ${shown(naive.posts)})`);
    out.result(`receipts        npx nightshift ledger show nightly-articles --state ${shown(state)}`);
    out.result(`morning report  ${shown(join(state, 'reports', 'nightly-articles-latest.html'))}`);
    if (engine.webUi !== undefined)
      out.result(
        `Temporal Web UI ${engine.webUi} (for about a minute; then: npx nightshift up --state ${shown(state)})`,
      );
    return isAsPromised(batch, third) ? ExitCode.done : ExitCode.unexpected;
  } finally {
    engine.release();
  }
}

/** What this demo is there to show; it fails when it does not. */
const isAsPromised = (batch: Outcome, third: Outcome): boolean =>
  batch.exitCode === 0 &&
  batch.posts === 12 &&
  batch.duplicates === 0 &&
  batch.sessions === 12 &&
  third.exitCode === 0 &&
  third.sessions === batch.sessions;

function comparison(script: Outcome, batch: Outcome, third: Outcome): Line[] {
  const rows: readonly (readonly [string, string | number, string | number])[] = [
    ['', 'script', 'nightshift'],
    ['articles asked for', 12, 12],
    ['posts that are out', script.posts, batch.posts],
    ['of them duplicates', script.duplicates, batch.duplicates],
    ['agent sessions paid for', script.sessions, batch.sessions],
    ['seconds, kill and restart included', script.seconds.toFixed(1), batch.seconds.toFixed(1)],
    ['started a third time', 'all twelve again', `nothing to do, ${third.seconds.toFixed(1)} s`],
  ];
  return rows.map(([label, a, b]) => [
    `${label.padEnd(36)}${String(a).padStart(18)}${String(b).padStart(24)}`,
  ]);
}

const stamp = (at: Date): string => at.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
