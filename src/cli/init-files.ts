/** What `nightshift init` writes: small, complete, and run as it is. */
export const INIT_FILES: readonly { readonly name: string; readonly text: string }[] = [
  {
    name: 'batch.yaml',
    text: `# A batch: which jobs, who does them, what must be true of the result, and where it goes.
#   nightshift plan batch.yaml     what would happen
#   nightshift run  batch.yaml     make it happen; safe to repeat at any time
# Paths are relative to this file.

# The name of this batch, for you: nightshift status my-batch
name: my-batch

# The kind of work. Jobs of the same work and identity are the same job, whichever batch names them.
work: article

# The columns that say what a job is about. They give it its key, so nothing that changes from night
# to night belongs here. For work that repeats, add the column "edition" (its date or period).
identity: [site, category, slug]

# One row is one job. The other columns are the job's input. To have a job done anew, add the
# column "revision" and raise its number.
jobs: ./jobs.csv

agent:
  use: command # any program: the job as JSON on stdin, the result on stdout
  command: [node, agent.mjs]
  # All that the program gets beside PATH, HOME and NIGHTSHIFT_*; secrets by reference:
  # env: { API_KEY: "\${env:API_KEY}" }
  prompt: | # filled in for each job and handed to the agent
    Write a short article with the title "{{ title }}".
    Readers are {{ audience }}. Write plainly, in Markdown.
  timeout: 10m

# A result that fails a check is never published.
checks:
  - notEmpty: true
  - minWords: 20

# What is done with a good result. Each effect lands once, and gets a receipt.
effects:
  - name: post
    use: folder
    target: ./public/{{ site }}
    with:
      path: '{{ category }}/{{ slug }}.md'

limits:
  concurrency: 4 # jobs in progress at once

# Most that one job and the whole batch may cost.
# budget: { perJob: 0.50, perBatch: 20 }
`,
  },
  {
    name: 'jobs.csv',
    text: `site,category,slug,title,audience
blog,kitchen,first-bread,Your first loaf of bread,people who have never baked
blog,kitchen,vegetable-stock,Vegetable stock from trimmings,anyone who cooks from scratch
blog,garden,salad-in-pots,Salad in pots,gardeners with only a balcony
`,
  },
  {
    name: 'agent.mjs',
    text: `// The agent: reads one job as JSON from stdin, writes the result to stdout. Exit code 0 means a good result;
// what goes to stderr is kept with the session. This one only pretends: put the call of your agent
// in its place. It is started once for each job, also when the night is interrupted.
let text = '';
for await (const chunk of process.stdin) text += chunk;
const { input, prompt } = JSON.parse(text);

await new Promise((done) => setTimeout(done, 1000)); // a real agent takes its time

process.stdout.write(\`# \${input.title}

This is where the article for \${input.audience} will stand. The agent was asked:

\${prompt.replace(/^/gm, '> ')}
\`);
`,
  },
];
