import {
  Caps,
  ErrorCode,
  type FrameInput,
  isRetryable,
  type PubCredit,
  type PubResult,
  type Welcome,
} from '@millrace/gateway-protocol';
import type { Chance } from './environment.ts';
import { GatewayError, ProtocolViolation, UnknownOutcomeError } from './errors.ts';
import { PUBLISH_ENTRY_BYTES, PUBLISH_QUEUE_BYTES_MAX } from './limits.ts';
import type { PublishResult } from './options.ts';
import { newSession } from './producer-session.ts';
import type { PublishWork } from './publish-entry.ts';

/** One publish until its outcome is known. */
interface Entry {
  readonly work: PublishWork;
  /** Place among all publishes of this client. */
  readonly order: number;
  /** Number in the session; 0 = not sent. */
  seq: number;
  /** Records with a result; a batch has one for each run of offsets that follow one another. */
  answered: number;
  /** Of the first record; an error of any record takes its place. */
  outcome: PublishResult | Error | null;
  /** Tells the application; null once it knows. */
  settle: ((outcome: PublishResult | Error) => void) | null;
}

/** The present connection as the publisher needs it. */
interface Outlet {
  /** False when the frame is larger than the gateway takes. @throws GatewayError when it says what no frame can. */
  readonly send: (frame: FrameInput) => boolean;
  /** Credit that is left. */
  records: number;
  bytes: number;
  /** The whole window so far: what needs more than that would wait for ever. */
  recordsMax: number;
  bytesMax: number;
}

/** Results that leave their number to the next publish. */
const UNUSED: readonly number[] = [
  ErrorCode.GOING_AWAY,
  ErrorCode.BAD_REQUEST,
  ErrorCode.UNSUPPORTED,
  ErrorCode.CREDIT_EXCEEDED,
  ErrorCode.SEQUENCE_GAP,
];

/**
 * Publishes in order, within the gateway's credit, and each with exactly one outcome.
 *
 * A producer session lives on one gateway process: records are numbered 1, 2, 3 … in it, and after a
 * reconnect the same process knows which numbers it has appended. Another process does not, so what was
 * sent and has no result then has an unknown outcome. A session that has nothing open ends with its
 * connection: a number never means two things.
 */
export class Publisher {
  readonly #random: Chance;
  #session: Uint8Array;
  #lastSeq = 0;
  /** The highest number of the session that a result used up. */
  #resolvedSeq = 0;
  /** The lowest number that a result did not use up: those sent after it are refused as well. */
  #unusedSeq: number | null = null;
  #lastOrder = 0;
  #queue: Entry[] = [];
  /** Sent on the present connection, by number. */
  #sent = new Map<number, Entry>();
  #queuedBytes = 0;
  #outlet: Outlet | null = null;
  #isHeld = false;
  #drained: (() => void)[] = [];
  #end: Error | null = null;

  /** @param session the one that the present connection began with. */
  constructor(random: Chance, session: Uint8Array) {
    this.#random = random;
    this.#session = session;
  }

  /** @throws GatewayError when too much is waiting already, or it has ended. */
  publish(work: PublishWork, signal?: AbortSignal): Promise<PublishResult> {
    signal?.throwIfAborted();
    if (this.#end !== null) throw this.#end;
    const bytes = work.bytes + PUBLISH_ENTRY_BYTES;
    if (this.#queuedBytes + bytes > PUBLISH_QUEUE_BYTES_MAX)
      throw new GatewayError(0, `${this.#queuedBytes} bytes wait to be published already`);
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      const abort = (): void => this.#abort(entry, signal?.reason);
      const settle = (outcome: PublishResult | Error): void => {
        this.#queuedBytes -= bytes;
        signal?.removeEventListener('abort', abort);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const entry: Entry = {
        work,
        order: ++this.#lastOrder,
        seq: 0,
        answered: 0,
        outcome: null,
        settle,
      };
      signal?.addEventListener('abort', abort);
      this.#queue.push(entry);
      this.#pump();
    });
  }

  /** For Hello: the session of what is open, otherwise a new one. */
  session(): Uint8Array {
    if (this.#sent.size === 0) {
      this.#session = newSession(this.#random);
      this.#lastSeq = 0;
      this.#resolvedSeq = 0;
      this.#unusedSeq = null;
    }
    return this.#session;
  }

  /**
   * A connection is ready.
   * @returns false when this gateway knows the session from an earlier time and cannot go on with it:
   * the connection has to be made again, with a new session.
   */
  attach(welcome: Welcome, send: (frame: FrameInput) => boolean): boolean {
    const open = [...this.#sent.values()];
    const known = Number(welcome.sessionLastSeq);
    if (open.length > 0 && !this.#isSame(known)) {
      for (const entry of open) this.#forgetOutcome(entry, 'another gateway took over');
      if (known >= 0) return false;
      // A number apart, so that the gateway of before can never take what comes for its own.
      this.#lastSeq++;
    }
    this.#queue = [...this.#sent.values(), ...this.#queue];
    this.#sent.clear();
    const canPublish = (welcome.caps & Caps.PUBLISH) !== 0;
    if (!canPublish) this.#refuseAll();
    this.#isHeld = false;
    const { publishRecords: records, publishBytes: bytes } = welcome;
    this.#outlet = { send, records, bytes, recordsMax: records, bytesMax: bytes };
    this.#pump();
    return true;
  }

  /** The gateway goes away and takes nothing new; what was sent still gets its result. */
  hold(): void {
    this.#isHeld = true;
    this.#checkDrained();
  }

  /** The connection is gone. */
  detach(): void {
    this.#outlet = null;
  }

  /** @throws ProtocolViolation when it answers nothing. */
  result(frame: PubResult): void {
    const { code } = frame;
    const entry = this.#entryOf(Number(frame.seq));
    if (entry === undefined || this.#outlet === null)
      throw new ProtocolViolation(`a result for publish ${frame.seq}, which was not sent`);
    const { seq } = entry;
    const { count, bytes, mayRepeat } = entry.work;
    const outcome = outcomeOf(frame);
    if (!(entry.outcome instanceof Error) && (entry.outcome === null || outcome instanceof Error))
      entry.outcome = outcome;
    entry.answered += frame.count;
    if (entry.answered < count && !UNUSED.includes(code)) return;
    this.#sent.delete(seq);
    this.#outlet.records += count;
    this.#outlet.bytes += bytes;
    const follows = this.#unusedSeq !== null && seq > this.#unusedSeq;
    if (code === ErrorCode.GOING_AWAY) this.#isHeld = true;
    if (UNUSED.includes(code)) this.#unusedSeq = Math.min(this.#unusedSeq ?? seq, seq);
    else this.#resolvedSeq = Math.max(this.#resolvedSeq, seq + count - 1);
    if (
      code === ErrorCode.GOING_AWAY ||
      (code === ErrorCode.SEQUENCE_GAP && follows) ||
      (code === ErrorCode.UNKNOWN_OUTCOME && mayRepeat)
    )
      this.#requeue(entry);
    else this.#settle(entry, entry.outcome);
    this.#rewind();
    this.#pump();
    this.#checkDrained();
  }

  /** The publish that the number belongs to. */
  #entryOf(seq: number): Entry | undefined {
    const holds = (entry: Entry): boolean => seq > entry.seq && seq < entry.seq + entry.work.count;
    return this.#sent.get(seq) ?? [...this.#sent.values()].find(holds);
  }

  /** Numbers go on where the gateway stopped taking them, once all that was sent beyond has come back. */
  #rewind(): void {
    if (this.#unusedSeq === null || this.#sent.size > 0) return;
    this.#lastSeq = this.#unusedSeq - 1;
    this.#unusedSeq = null;
  }

  credit({ addRecords, addBytes }: Pick<PubCredit, 'addRecords' | 'addBytes'>): void {
    const outlet = this.#outlet;
    if (outlet === null) return;
    outlet.records += addRecords;
    outlet.bytes += addBytes;
    outlet.recordsMax += addRecords;
    outlet.bytesMax += addBytes;
    this.#pump();
  }

  /** Resolves when nothing is open any more; while held, nothing that was sent. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#checkDrained();
    });
  }

  /** The end of the client: what was not sent fails with `error`, what was sent is unknown. */
  end(error: Error): void {
    this.#outlet = null;
    this.#end = error;
    for (const entry of this.#sent.values())
      this.#settle(entry, new UnknownOutcomeError('the client was closed', error));
    for (const entry of this.#queue) this.#settle(entry, error);
    this.#sent.clear();
    this.#queue = [];
    this.#checkDrained();
  }

  /** True when the gateway that knows numbers up to `known` is the one that was sent what is open. */
  #isSame(known: number): boolean {
    const [first] = this.#sent.keys();
    const from = Math.max(this.#resolvedSeq, (first as number) - 1);
    return known >= from && known <= this.#lastSeq;
  }

  #forgetOutcome(entry: Entry, why: string): void {
    this.#sent.delete(entry.seq);
    if (entry.work.mayRepeat) this.#requeue(entry);
    else this.#settle(entry, new UnknownOutcomeError(why));
  }

  /** Back to its place among what was not sent; it gets a new number. */
  #requeue(entry: Entry): void {
    if (entry.settle === null) return;
    entry.seq = 0;
    const at = this.#queue.findIndex(({ order }) => order > entry.order);
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, entry);
  }

  #refuseAll(): void {
    const error = new GatewayError(ErrorCode.UNSUPPORTED, 'this gateway does not publish');
    for (const entry of this.#queue) this.#settle(entry, error);
    this.#queue = [];
  }

  #abort(entry: Entry, reason: unknown): void {
    if (entry.seq !== 0) {
      // It keeps its number: its result is still to come.
      this.#settle(entry, new UnknownOutcomeError('aborted after it was sent', reason));
      return;
    }
    this.#queue.splice(this.#queue.indexOf(entry), 1);
    this.#settle(
      entry,
      reason instanceof Error ? reason : new GatewayError(0, 'aborted', { cause: reason }),
    );
    this.#checkDrained();
  }

  #settle(entry: Entry, outcome: PublishResult | Error): void {
    entry.settle?.(outcome);
    entry.settle = null;
  }

  /** Sends what has credit, in order. What has a number already was sent before. */
  #pump(): void {
    const outlet = this.#outlet;
    while (outlet !== null && !this.#isHeld && this.#unusedSeq === null) {
      const [entry] = this.#queue;
      if (entry === undefined) return;
      const { count, bytes } = entry.work;
      const isRetry = entry.seq !== 0;
      const fits = isRetry || (count <= outlet.recordsMax && bytes <= outlet.bytesMax);
      if (fits && (outlet.records < count || outlet.bytes < bytes)) return;
      this.#queue.shift();
      let why: GatewayError | null = null;
      try {
        if (fits && this.#send(outlet, entry)) continue;
      } catch (error) {
        why = error as GatewayError;
      }
      entry.seq = 0;
      why ??= new GatewayError(ErrorCode.PUBLISH_TOO_LARGE, 'more than the gateway takes');
      // What was sent before may have been appended.
      this.#settle(entry, isRetry ? new UnknownOutcomeError(why.message) : why);
      this.#checkDrained();
    }
  }

  #send(outlet: Outlet, entry: Entry): boolean {
    const isRetry = entry.seq !== 0;
    if (!isRetry) entry.seq = this.#lastSeq + 1;
    const { count, bytes } = entry.work;
    if (!outlet.send(entry.work.frame(BigInt(entry.seq), isRetry))) return false;
    if (!isRetry) this.#lastSeq += count;
    outlet.records -= count;
    outlet.bytes -= bytes;
    entry.answered = 0;
    entry.outcome = null;
    this.#sent.set(entry.seq, entry);
    return true;
  }

  #checkDrained(): void {
    if (this.#sent.size > 0 || (this.#queue.length > 0 && !this.#isHeld)) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

function outcomeOf(frame: PubResult): PublishResult | Error {
  const { code, partition, duplicate, retryAfterMs } = frame;
  if (code === ErrorCode.UNKNOWN_OUTCOME)
    return new UnknownOutcomeError('the gateway got no answer for it');
  if (code !== ErrorCode.NONE)
    return new GatewayError(code, 'the record was not appended', {
      retryable: isRetryable(code),
      retryAfterMs,
    });
  const [offset, timestamp] = [Number(frame.baseOffset), Number(frame.timestampMs)];
  return { partition, offset, timestamp, duplicate };
}
