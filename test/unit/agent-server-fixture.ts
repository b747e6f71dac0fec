import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { onTestFinished } from 'vitest';
import {
  startAgentServer,
  type AgentServer,
  type AgentServerOptions,
} from '../../src/testing/agent-server/index.js';

export const AGENT = 'antigravity-preview-09-2026';
export const BETAS = ['managed-agents-2026-04-01'];
export const RUN_KEY = '1201f5155db881bd00739a443d742355';
export const OTHER_KEY = 'd54377b09e326f79edd7ae454a87be49';
export const HOUR = 3_600_000;
/** One send per call, and an end that tests do not wait for. */
export const ONCE = { maxRetries: 0, timeout_ms: 20_000 };

/** A server whose time stands still unless advanced; closed at the end of the test. */
export async function aServer(options: Partial<AgentServerOptions> = {}): Promise<AgentServer> {
  const server = await startAgentServer({ seed: 'unit', speed: 'stepped', ...options });
  onTestFinished(() => server.close());
  return server;
}

export const geminiAt = (geminiUrl: string, apiKey = 'test-key'): GoogleGenAI =>
  new GoogleGenAI({ apiKey, apiVersion: 'v1beta', httpOptions: { baseUrl: geminiUrl } });

export const anthropicAt = (baseURL: string, timeout = 20_000): Anthropic =>
  new Anthropic({ apiKey: 'test-key', baseURL, maxRetries: 0, timeout });

/** A background run as the antigravity adapter starts it. */
export const startBody = (environment: string, more: object = {}) => ({
  agent: AGENT,
  agent_config: { type: 'antigravity' as const, model: 'gemini-3.8-flash' },
  input: 'Write an article. Put it into out/article.md, then write out/manifest.json.',
  environment,
  background: true as const,
  store: true,
  labels: { ns_run: RUN_KEY, ns_attempt: '1' },
  ...more,
});

export interface SessionMaker {
  readonly agentId: string;
  readonly environmentId: string;
}

export async function anAgent(client: Anthropic): Promise<SessionMaker> {
  const agent = await client.beta.agents.create({
    name: 'writer',
    model: 'claude-sonnet-5-5',
    tools: [{ type: 'agent_toolset_20260401' }],
  });
  const environment = await client.beta.environments.create({ name: 'nightly' });
  return { agentId: agent.id, environmentId: environment.id };
}

export const sessionBody = ({ agentId, environmentId }: SessionMaker, runKey = RUN_KEY, attempt = 1) => ({
  agent: { type: 'agent' as const, id: agentId, version: 1 },
  environment_id: environmentId,
  title: `${runKey}-${attempt}`,
  metadata: { run_key: runKey, attempt: String(attempt) },
});

export const message = (text = 'Write an article and a manifest.json.') => ({
  events: [{ type: 'user.message' as const, content: [{ type: 'text' as const, text }] }],
});

/** What was thrown; fails when nothing was. */
export async function thrownBy(call: () => Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await call();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('nothing was thrown');
}
