import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';

/** Where the embedded engine of a state directory listens. */
export function engineAddress(state: string): string {
  const text = readFileSync(join(state, 'engine', 'engine.json'), 'utf8');
  return (JSON.parse(text) as { address: string }).address;
}

/** Talks to the embedded engine of a state directory, as the Web UI or the `temporal` program would. */
export async function withEngine<T>(state: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: engineAddress(state) });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** ID of the batch of that name which runs now. Fails when none does. */
export async function runningBatch(client: Client, name: string): Promise<string> {
  for (let tries = 0; tries < 50; tries++) {
    const running = client.workflow.list({
      query: `WorkflowType='batch' AND ExecutionStatus='Running' AND WorkflowId STARTS_WITH 'batch:${name}:'`,
    });
    for await (const { workflowId } of running) return workflowId;
    await new Promise((resolve) => setTimeout(resolve, 100)); // what is listed is a little behind what is
  }
  throw new Error(`no batch ${name} runs`);
}
