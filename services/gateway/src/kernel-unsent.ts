import { createReadStream } from 'node:fs';
import type { Clock, Gauge, Timer } from '@millrace/base';

/** With 15,000 connections the tables are 2 MB, so they are looked at rarely, and in pieces. */
const SAMPLE_PERIOD_MS = 10_000;
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
/** Columns of a line: `sl local_address rem_address st tx_queue:rx_queue …`, numbers in hexadecimal. */
const LINE = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) ([0-9A-F]{8}):/;
const ESTABLISHED = '01';

/** Bytes that the kernel holds for connections of one port and that their peers have not acknowledged, from one line. */
export function unsentOfLine(line: string, port: number): number {
  const found = LINE.exec(line);
  if (found === null || found[2] !== ESTABLISHED) return 0;
  return Number.parseInt(found[1] as string, 16) === port
    ? Number.parseInt(found[3] as string, 16)
    : 0;
}

/** Samples what the kernel holds for clients (§14). Linux only: elsewhere the gauge has no series. */
export class KernelUnsent {
  readonly #port: number;
  readonly #gauge: () => Gauge;
  readonly #timer: Timer;
  #isSampling = false;

  /** @param gauge made when there is a first sample */
  constructor(clock: Clock, port: number, gauge: () => Gauge) {
    this.#port = port;
    this.#gauge = gauge;
    this.#timer = clock.setInterval(SAMPLE_PERIOD_MS, () => void this.sample());
  }

  /** One look; never rejects. */
  async sample(): Promise<void> {
    if (this.#isSampling) return;
    this.#isSampling = true;
    try {
      let sum = 0;
      for (const table of TABLES) sum += await this.#sumOf(table);
      this.#gauge().set(sum);
    } catch {
      // There is no such table, or it may not be read: nothing is told.
    } finally {
      this.#isSampling = false;
    }
  }

  close(): void {
    this.#timer.cancel();
  }

  async #sumOf(table: string): Promise<number> {
    let sum = 0;
    let rest = '';
    for await (const chunk of createReadStream(table, 'latin1')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) sum += unsentOfLine(line, this.#port);
    }
    return sum + unsentOfLine(rest, this.#port);
  }
}
