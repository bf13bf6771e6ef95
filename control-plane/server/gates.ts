// Reasons not to read a stream for a while; it is read while there is none. HTTP/2 flow control then holds the other
// side back.

export type Gate = "opening" | "intake" | "output" | "finishing";

export class Gates {
  private readonly closed = new Set<Gate>();

  constructor(private readonly stream: { pause(): void; resume(): void }) {}

  close(gate: Gate): void {
    this.closed.add(gate);
    this.stream.pause();
  }

  open(gate: Gate): void {
    if (this.closed.delete(gate) && this.closed.size === 0) this.stream.resume();
  }

  /**
   * True while something of ours is slow: that is no silence of the other side. A reader that does not read is not
   * ours.
   */
  get own(): boolean {
    return this.closed.has("opening") || this.closed.has("intake") || this.closed.has("finishing");
  }
}
