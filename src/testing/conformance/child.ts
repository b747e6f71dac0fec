import { readFileSync } from 'node:fs';
import { openLedger } from '../../ledger/open.js';
import type { EffectUnderTest } from './effect-under-test.js';
import { tryOnce } from './try-once.js';

/** What a process that is to die gets on its standard input. */
export interface ChildOrder {
  readonly tested: EffectUnderTest;
  readonly ledger: string;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly dieAt: string;
}

const { tested, ledger: path, stateDir, env, dieAt } = JSON.parse(readFileSync(0, 'utf8')) as ChildOrder;
const ledger = await openLedger({ path });
await tryOnce(tested, ledger, {
  deps: { env, stateDir },
  reached: (point) => {
    if (point === dieAt) process.kill(process.pid, 'SIGKILL');
  },
});
await ledger.close();
