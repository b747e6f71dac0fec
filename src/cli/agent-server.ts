import { fieldLines } from '../report/field-lines.js';
import { startAgentServer } from '../testing/agent-server/agent-server.js';
import { readAgentServerFlags, type AgentServerFlags } from '../testing/agent-server/flags.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** `nightshift agent-server`: stands in for both agent services, free of charge, until it is told to stop. */
export async function agentServer(
  flags: AgentServerFlags,
  { out, flags: { json }, interrupts }: Shell,
): Promise<ExitCode> {
  const options = readAgentServerFlags(flags);
  const server = await startAgentServer(options);
  const { url, geminiUrl, anthropicUrl, readyMade } = server;
  const { seed, file } = options;
  if (json) out.json({ url, geminiUrl, anthropicUrl, readyMade, seed, pid: process.pid });
  else {
    out.results(
      fieldLines({
        antigravity: geminiUrl,
        claude: anthropicUrl,
        agent: readyMade.agent,
        environment: readyMade.environment,
        seen: `${url}/_/ledger`,
        seed,
        kept: file ?? 'in memory only',
      }),
    );
  }
  out.progress('serving on this machine only; Ctrl-C stops');
  await interrupts.during(
    (signal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  );
  await server.close();
  out.progress('stopped');
  return ExitCode.done;
}
