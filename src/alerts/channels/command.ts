import { spawn } from 'node:child_process';
import type { ChannelOf } from '../../contract/alerts.js';
import type { ChannelAnswer } from '../../ledger/alert-rows.js';
import { fileErrorWords } from '../../file-errors.js';
import { timeLimit } from '../../time-limit.js';
import { channelName, failed, took, type Channel, type ChannelContext } from './channel.js';
import { webhookBody } from './webhook.js';

const TIMEOUT_MS = 30_000;

/** A program of the operator's, run without a shell; it gets the message as JSON on its standard input. */
export function commandChannel(spec: ChannelOf<'command'>, { baseDir, env }: ChannelContext): Channel {
  return {
    name: channelName(spec),
    send: (notice, signal) =>
      new Promise((resolve) => {
        const [program = '', ...args] = spec.command;
        const limit = timeLimit(TIMEOUT_MS, signal);
        const { PATH, HOME } = env;
        const child = spawn(program, args, {
          cwd: baseDir,
          env: {
            ...(PATH !== undefined && { PATH }),
            ...(HOME !== undefined && { HOME }),
            ...spec.env,
            NIGHTSHIFT_ALERT_ID: notice.id,
          },
          // What it says may hold anything; its exit code is its answer.
          stdio: ['pipe', 'ignore', 'ignore'],
          signal: limit.signal,
          killSignal: 'SIGKILL',
        });
        const ended = (answer: Omit<ChannelAnswer, 'channel'>): void => {
          limit.end();
          resolve(answer);
        };
        child.once('error', (error: NodeJS.ErrnoException) =>
          ended(
            failed(error.name === 'AbortError' ? 'did not end in time' : `${program}: ${whyNotRun(error)}`),
          ),
        );
        child.once('close', (code, killedBy) =>
          ended(code === 0 ? took('exit code 0') : failed(`exit code ${code ?? killedBy ?? 'unknown'}`)),
        );
        child.stdin.on('error', () => undefined); // it need not read
        child.stdin.end(JSON.stringify(webhookBody(notice)));
      }),
  };
}

const whyNotRun = (error: NodeJS.ErrnoException): string =>
  fileErrorWords(error) ?? error.code ?? 'could not be run';
