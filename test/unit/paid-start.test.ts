// The one call that costs money waits for its turn first, and is then committed right before it leaves, so that a pause
// that came meanwhile holds it back. Counted at a local server of both services.
import { expect, test } from 'vitest';
import { HeldBack } from '../../src/ledger/ledger.js';
import { aContext, aStage, mustHavePaidOnce, requestOf } from './managed-agents-fixture.js';

const HOLD = { scope: { kind: 'all' }, level: 'finish', by: 'ann', reason: undefined, since: '' } as const;

test.each(['antigravity', 'claude'] as const)(
  '%s: a pause that came before its turn leaves it prepared, unpaid, and ready to go on',
  async (which) => {
    const { server, make } = await aStage(which);
    const said: string[] = [];
    const provider = await make({}, async () => void said.push('turn'));
    const { context, handles } = aContext(server);
    let paused = true;
    const save: typeof context.save = async (handle) => {
      said.push(handle.phase ?? '');
      if (paused && handle.phase === 'start-sent') throw new HeldBack(HOLD);
      await context.save(handle);
    };
    await expect(provider.start(requestOf(), undefined, { ...context, save })).rejects.toThrow(HeldBack);
    expect(said.slice(-2)).toEqual(['turn', 'start-sent']);
    expect(server.ledger().totals).toMatchObject({ runs: 0, paidTurns: 0 });
    const prepared = handles.at(-1);
    expect(prepared?.phase).toBe('prepared');

    paused = false;
    const handle = await provider.start(requestOf(), prepared, { ...context, save });
    expect(handle.phase).toBe('started');
    expect(mustHavePaidOnce(server)).toBe(1);
  },
);
