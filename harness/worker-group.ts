import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { minutesMs } from './night.js';
import { LEFT_AT, forkFile } from './wire.js';

/** Minutes of the night until a killed worker's host is up again. */
const RESTART_MINUTES = 2;

/** One worker process, started again whenever it dies, as a service manager would. Nights share it, and its kills. */
export class WorkerGroup {
  private child: ChildProcess | undefined;
  private ready: Promise<void>;
  private stopped = false;
  kills = 0;

  constructor(
    private readonly state: string,
    readonly taskQueue: string,
    private readonly speed: number,
  ) {
    this.ready = this.start();
  }

  async whenReady(): Promise<void> {
    await this.ready;
  }

  /** SIGKILL: nothing is said, nothing is put down. */
  kill(): void {
    this.kills++;
    this.child?.kill('SIGKILL');
  }

  stop(): void {
    this.stopped = true;
    this.child?.kill('SIGKILL');
  }

  private start(): Promise<void> {
    const child = forkFile('worker.mjs', [this.state, this.taskQueue, LEFT_AT], {
      NIGHTSHIFT_HEARTBEAT_SECONDS: '5',
    });
    this.child = child;
    return new Promise((resolve) => {
      child.once('message', () => resolve());
      child.once('exit', () => {
        if (this.stopped) return;
        this.ready = sleep(minutesMs(RESTART_MINUTES, this.speed)).then(() => this.start());
        void this.ready.then(resolve);
      });
    });
  }
}
