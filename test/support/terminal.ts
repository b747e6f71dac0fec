import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { until } from './cli.js';

/** True where the program is installed. Where it is not, says so and returns false; in CI nothing may be left out. */
export function hasShell(name: string): boolean {
  if (!spawnSync(name, ['--version'], { stdio: 'ignore' }).error) return true;
  const message = `${name} is not installed: what is typed into it is not tested`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
  return false;
}

/** A program on a terminal of its own, and somebody who types. */
export class Terminal {
  private readonly child: ChildProcess;
  /** All that was ever printed on it. */
  screen = '';

  /** @param command as a shell takes it */
  constructor(command: string, at: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    this.child = spawn('script', ['-qefc', `stty cols 200 rows 60; exec ${command}`, '/dev/null'], {
      ...at,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.screen += text));
    onTestFinished(() => void this.child.kill('SIGKILL'));
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  async shows(text: string): Promise<void> {
    await until(
      `${JSON.stringify(text)} on the terminal`,
      () => {
        if (this.child.exitCode !== null) throw new Error(`the program has ended:\n${this.screen}`);
        return this.screen.includes(text);
      },
      20_000,
    ).catch((error: unknown) => {
      throw new Error(`not seen on the terminal:\n${JSON.stringify(this.screen)}`, { cause: error });
    });
  }
}
