/** What has to survive a restart for time to go on where it was. */
export interface ClockState {
  readonly realMs: number;
  readonly serviceMs: number;
  /** Service milliseconds per real one; 0 stands still between steps. */
  readonly speed: number;
}

/** Longest wait that one timer can hold. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Time at the service: real time multiplied by `speed`, or moved only by `advance`. It goes on while the server is
 * down, as it does at a real service that cannot be reached.
 */
export class Clock {
  readonly #waiting = new Set<() => void>();

  /** @param save makes a state durable before it is used */
  constructor(
    private state: ClockState,
    private readonly save: (state: ClockState) => void,
  ) {}

  static begin(speed: number): ClockState {
    const now = Date.now();
    return { realMs: now, serviceMs: now, speed };
  }

  /** Milliseconds since 1970, whole. */
  now(): number {
    const { realMs, serviceMs, speed } = this.state;
    return Math.round(serviceMs + (Date.now() - realMs) * speed);
  }

  get stepped(): boolean {
    return this.state.speed === 0;
  }

  advance(ms: number): void {
    this.state = { realMs: Date.now(), serviceMs: this.now() + ms, speed: this.state.speed };
    this.save(this.state);
    for (const wake of [...this.#waiting]) wake();
  }

  /** From here on at this speed, without a jump. */
  run(speed: number): void {
    this.state = { realMs: Date.now(), serviceMs: this.now(), speed };
    this.save(this.state);
  }

  /** How long a caller has to wait for this much service time; a stepped clock leaves it as it is. */
  callersMs(serviceMs: number): number {
    return this.stepped ? serviceMs : serviceMs / this.state.speed;
  }

  /** Resolves at that service time, or when aborted: look at the signal afterwards. */
  async until(serviceMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.now() < serviceMs) await this.nextWake(serviceMs, signal);
  }

  private nextWake(serviceMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waitMs = Math.min(Math.ceil(this.callersMs(serviceMs - this.now())), TIMER_MS_MAX);
      const timer = this.stepped ? undefined : setTimeout(() => wake(), waitMs);
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

/** RFC 3339, as both services write times. */
export const timestamp = (serviceMs: number): string => new Date(serviceMs).toISOString();
