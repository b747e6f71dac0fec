/**
 * Jobs per second of a batch with an agent that does nothing and a folder effect, against a bare parent-child fan-out
 * of the same shape on the same engine: rounds of both in turn, one run, one machine. Reports the ratio.
 * Usage: node test/bench/throughput.mjs [jobs=400] [rounds=3] [window=50]
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { createNightshift } from '../../dist/index.js';
import { openEngine } from '../../dist/engine/index.js';
import { startWorker } from '../../dist/worker.js';

const [jobs = 400, rounds = 3, window = 50] = process.argv.slice(2).map(Number);
const here = fileURLToPath(new URL('./fixtures/', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'nightshift-bench-'));
const state = join(dir, 'state');
const nightshift = createNightshift({ state });
const engine = await openEngine({ stateDir: state, onProgress: (line) => console.error(line) });
const own = await startWorker({ config: nightshift.config, engine });

const connection = await NativeConnection.connect(engine.connection);
const client = new Client({
  connection: await Connection.connect(engine.connection),
  namespace: engine.namespace,
});
const silent = { trace() {}, debug() {}, info() {}, log() {}, warn() {}, error: console.error };
const bare = await Worker.create({
  connection,
  namespace: engine.namespace,
  taskQueue: 'bare',
  workflowBundle: await bundleWorkflowCode({ workflowsPath: `${here}bare-workflows.mjs`, logger: silent }),
  activities: { nothing: async () => undefined },
  maxConcurrentActivityTaskExecutions: 1000,
  maxConcurrentWorkflowTaskExecutions: 100,
});
const bareDone = bare.run();

async function bareRound(round) {
  const begun = performance.now();
  await client.workflow.execute('bareBatch', {
    workflowId: `bare-${round}`,
    taskQueue: 'bare',
    args: [`bare-job-${round}`, jobs, window],
  });
  return jobs / ((performance.now() - begun) / 1000);
}

async function batchRound(round) {
  const file = join(dir, `batch-${round}.yaml`);
  const list = Array.from({ length: jobs }, (_, job) => ({
    site: 'bench',
    category: `round-${round}`,
    slug: `job-${job}`,
  }));
  writeFileSync(join(dir, `jobs-${round}.json`), JSON.stringify(list));
  writeFileSync(
    file,
    `name: bench-${round}
work: bench-${round}
jobs: ./jobs-${round}.json
agent: { use: "${here}noop-provider.mjs" }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ category }}/{{ slug }}.md" } }]
limits: { concurrency: ${window} }
`,
  );
  const batch = await nightshift.read(file);
  const begun = performance.now();
  const report = await nightshift.watch(await nightshift.start(batch), { host: false });
  if (report.counts.done !== jobs) throw new Error(`only ${report.counts.done} of ${jobs} done`);
  return jobs / ((performance.now() - begun) / 1000);
}

console.error(`${jobs} jobs, window ${window}, ${cpus().length} cores, Node ${process.version}`);
await bareRound('warm-up');
await batchRound('warm-up');
const ratios = [];
for (let round = 1; round <= rounds; round++) {
  const plain = await bareRound(round);
  const ours = await batchRound(round);
  ratios.push(ours / plain);
  console.error(
    `round ${round}: bare ${plain.toFixed(1)} jobs/s, nightshift ${ours.toFixed(1)} jobs/s, ratio ${(ours / plain).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    jobs,
    window,
    rounds,
    ratio: { median: ratios[Math.floor(rounds / 2)], low: ratios[0], high: ratios.at(-1) },
  }),
);

bare.shutdown();
await bareDone;
await own.stop();
await nightshift.close();
engine.release();
process.exit(0);
