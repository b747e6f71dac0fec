/** A map that forgets what was not asked for longest. */
export class Lru<Value> {
  private readonly entries = new Map<string, Value>();

  constructor(private readonly sizeMax: number) {}

  get(key: string): Value | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) this.set(key, value); // a Map keeps the order of insertion: now the newest
    return value;
  }

  set(key: string, value: Value): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size <= this.sizeMax) return;
    const oldest = this.entries.keys().next();
    if (!oldest.done) this.entries.delete(oldest.value);
  }
}
