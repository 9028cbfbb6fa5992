import { open } from 'node:fs/promises';
import type { Clock, Gauge, Timer } from '@millrace/base';

/**
 * With 15,000 connections the tables are 2 MB, which the kernel gives in pieces of a page, so they are looked at rarely and
 * a piece at a time: 18,000 lines take 0.14 s of a core, and records would wait for that.
 */
const SAMPLE_PERIOD_MS = 10_000;
const PIECE_PERIOD_MS = 50;
const PIECE_BYTES = 4096;
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
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  #isSampling = false;
  #isClosed = false;

  /** @param gauge made when there is a first sample */
  constructor(clock: Clock, port: number, gauge: () => Gauge) {
    this.#clock = clock;
    this.#port = port;
    this.#gauge = gauge;
    this.#timer = clock.setInterval(SAMPLE_PERIOD_MS, () => void this.sample());
  }

  /** One look, which takes as long as the tables have pieces; never rejects. */
  async sample(): Promise<void> {
    if (this.#isSampling) return;
    this.#isSampling = true;
    try {
      let sum = 0;
      for (const table of TABLES) sum += await this.#sumOf(table);
      if (!this.#isClosed) this.#gauge().set(sum);
    } catch {
      // There is no such table, or it may not be read: nothing is told.
    } finally {
      this.#isSampling = false;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
  }

  async #sumOf(table: string): Promise<number> {
    let sum = 0;
    let rest = '';
    const file = await open(table);
    try {
      while (!this.#isClosed) {
        const { bytesRead } = await file.read(this.#piece, 0, PIECE_BYTES, null);
        if (bytesRead === 0) break;
        const lines = (rest + this.#piece.toString('latin1', 0, bytesRead)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) sum += unsentOfLine(line, this.#port);
        await new Promise<void>((resolve) => this.#clock.setTimer(PIECE_PERIOD_MS, resolve));
      }
    } finally {
      await file.close();
    }
    return sum + unsentOfLine(rest, this.#port);
  }
}
