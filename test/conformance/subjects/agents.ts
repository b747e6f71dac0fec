// The three providers at services that can be counted: a program that keeps a log, and an agent server behind a proxy
// that loses what it is told to lose.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { startAgentServer, type AgentPlace, type ProviderSubject } from '../../../src/testing/index.js';
import { startLossyProxy } from '../../support/lossy-proxy.js';
import { faultsBy } from './http-faults.js';

const KEY = 'planted-key-of-agents';
/** A minute at the service. */
const SPEED = 2_000;

const SCRIPTS = {
  good: 'echo "$NIGHTSHIFT_JOB_KEY $NIGHTSHIFT_ATTEMPT" >> starts.log; sleep 0.2; echo "an article"',
  long: 'echo "$NIGHTSHIFT_JOB_KEY $NIGHTSHIFT_ATTEMPT" >> starts.log; echo $$ > long.pid; exec sleep 300',
  empty: 'echo "$NIGHTSHIFT_JOB_KEY $NIGHTSHIFT_ATTEMPT" >> starts.log',
};

export const commandSubject: ProviderSubject = {
  kind: 'provider',
  name: 'command',
  open: async () => {
    const dir = mkdtempSync(join(tmpdir(), 'nightshift-command-'));
    const read = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '');
    return {
      use: 'command',
      options: (behaviour) => ({
        command: ['sh', '-c', SCRIPTS[behaviour]],
        cwd: dir,
        env: { TOKEN: '${env:AGENT_TOKEN}' },
      }),
      behaviours: ['good', 'long', 'empty'],
      env: { AGENT_TOKEN: KEY },
      count: async ({ runKey, attempt }) => ({
        started: read('starts.log').split(`${runKey} ${attempt}\n`).length - 1,
        open: isAlive(Number(read('long.pid'))) ? 1 : 0,
      }),
      close: async () => rmSync(dir, { recursive: true, force: true }),
    };
  },
};

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function hosted(
  use: 'antigravity' | 'claude',
  variable: string,
  optionsAt: (url: string) => Promise<Record<string, string>>,
): ProviderSubject {
  const surface = use === 'claude' ? 'anthropic' : 'gemini';
  return {
    kind: 'provider',
    name: use,
    open: async (): Promise<AgentPlace> => {
      const server = await startAgentServer({ seed: 7, speed: SPEED });
      const own = await optionsAt(server.anthropicUrl);
      const proxy = await startLossyProxy({ port: Number(new URL(server.url).port) });
      return {
        use,
        options: () => ({
          baseUrl: `${proxy.url}/${surface}`,
          pollInterval: '20ms',
          unknownStartWait: '200ms',
          ...own,
        }),
        behaviours: ['good', 'long', 'empty'],
        arrange: (behaviour, { runKey }) => {
          const fault = { long: 'timeout-mid-run', empty: 'empty-output' } as const;
          if (behaviour !== 'good') server.addFault({ match: { surface, runKey }, do: fault[behaviour] });
        },
        env: { [variable]: KEY },
        speed: SPEED,
        count: async ({ runKey, attempt }) => {
          const run = server.ledger().runs.find((one) => one.runKey === runKey && one.attempt === attempt);
          return { started: run?.paidTurns ?? 0, open: run?.open ?? 0 };
        },
        faults: faultsBy(proxy, ['drop-before', 'drop-answer']),
        close: async () => {
          await proxy.close();
          await server.close();
        },
      };
    },
  };
}

export const antigravitySubject = hosted('antigravity', 'GEMINI_API_KEY', async () => ({
  freshIdGrace: '100ms',
}));

export const claudeSubject = hosted('claude', 'ANTHROPIC_API_KEY', async (baseURL) => {
  const api = new Anthropic({ apiKey: 'any', baseURL, maxRetries: 0 });
  const { id: agent } = await api.beta.agents.create({ name: 'writer', model: 'claude-sonnet-5-5' });
  const { id: environment } = await api.beta.environments.create({ name: 'cloud' });
  return { agent, environment };
});
