/**
 * Records the histories of all Workflows of a state directory into test/replay/histories.
 * Usage: node scripts/record-histories.mjs STATE PREFIX   (after the batches of interest have run there)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Client, Connection } from '@temporalio/client';
import { openEngine } from '../dist/engine/index.js';

const [state, prefix] = process.argv.slice(2);
const folder = fileURLToPath(new URL('../test/replay/histories/', import.meta.url));
mkdirSync(folder, { recursive: true });

const engine = await openEngine({ stateDir: resolve(state) });
const connection = await Connection.connect(engine.connection);
const client = new Client({ connection, namespace: engine.namespace });
let n = 0;
for await (const { workflowId, runId, type, status } of client.workflow.list()) {
  const history = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory());
  const name = `${type}-${prefix}-${status.name.toLowerCase()}-${++n}.json`;
  writeFileSync(`${folder}${name}`, JSON.stringify({ workflowId, history: JSON.parse(history) }));
  console.error(`${name}  ${workflowId}`);
}
await connection.close();
engine.release();
