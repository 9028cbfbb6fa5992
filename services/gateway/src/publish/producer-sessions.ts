import type { Clock } from '@millrace/base';
import { ErrorCode, OnUnknown } from '@millrace/gateway-protocol';
import { type PublishResult, ResultWindow } from './result-window.ts';

/** What to do with records that arrive in a session (§15.2). */
export type SessionVerdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'repeat'; readonly results: readonly PublishResult[] }
  | { readonly kind: 'join'; readonly results: Promise<readonly PublishResult[]> }
  | { readonly kind: 'refuse'; readonly code: number };

export interface SessionLimits {
  readonly sessionsMax: number;
  /** Results remembered per session. */
  readonly window: number;
  readonly ttlMs: number;
}

interface Held {
  readonly session: ProducerSession;
  readonly usedMs: number;
}

/** Producer sessions of one process, by principal and session; the least recently used one goes first. */
export class ProducerSessions {
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  readonly #held = new Map<string, Held>();

  constructor(clock: Clock, limits: SessionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * A session that is known, which counts as used; or null: asking makes none, as every Hello asks.
   * @param session the 16 bytes as text.
   */
  find(principalKey: string, session: string): ProducerSession | null {
    const nowMs = this.#clock.monotonicMs();
    this.#forgetIdle(nowMs);
    const key = keyOf(principalKey, session);
    const known = this.#held.get(key)?.session;
    if (known === undefined) return null;
    this.#held.delete(key);
    this.#held.set(key, { session: known, usedMs: nowMs });
    return known;
  }

  /** The session for records that are taken; a new one may push out the oldest. */
  findOrMake(principalKey: string, session: string): ProducerSession {
    const known = this.find(principalKey, session);
    if (known !== null) return known;
    this.#makeRoom();
    const made = new ProducerSession(this.#limits.window);
    const usedMs = this.#clock.monotonicMs();
    this.#held.set(keyOf(principalKey, session), { session: made, usedMs });
    return made;
  }

  /** Oldest first: stops at the first that may stay. */
  #forgetIdle(nowMs: number): void {
    for (const [key, { usedMs }] of this.#held) {
      if (usedMs + this.#limits.ttlMs > nowMs) return;
      this.#held.delete(key);
    }
  }

  #makeRoom(): void {
    for (const key of this.#held.keys()) {
      if (this.#held.size < this.#limits.sessionsMax) return;
      this.#held.delete(key);
    }
  }
}

function keyOf(principalKey: string, session: string): string {
  return `${session} ${principalKey}`;
}

/** Of records in a session, or with a number, of which nothing is known. */
export function judgeUnknown(retry: boolean, onUnknown: number): SessionVerdict {
  return !retry || onUnknown === OnUnknown.RESEND
    ? { kind: 'append' }
    : { kind: 'refuse', code: ErrorCode.UNKNOWN_OUTCOME };
}

interface InFlight {
  readonly count: number;
  readonly results: Promise<readonly PublishResult[]>;
}

/** The last results of one producer session, and what is still on its way. */
export class ProducerSession {
  readonly #results: ResultWindow;
  readonly #inFlight = new Map<number, InFlight>();
  /** Highest sequence number taken; -1: none yet. */
  #lastSeq = -1;

  constructor(window: number) {
    this.#results = new ResultWindow(window);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The table of §15.2. */
  judge(seq: number, count: number, retry: boolean, onUnknown: number): SessionVerdict {
    if (this.#lastSeq < 0) return judgeUnknown(retry, onUnknown);
    if (seq === this.#lastSeq + 1) return { kind: 'append' };
    if (seq > this.#lastSeq + 1) return { kind: 'refuse', code: ErrorCode.SEQUENCE_GAP };
    const flying = this.#inFlight.get(seq);
    if (flying?.count === count) return { kind: 'join', results: flying.results };
    const results = this.#results.read(seq, count);
    return results === null ? judgeUnknown(true, onUnknown) : { kind: 'repeat', results };
  }

  /** These records are taken: their results, once known, belong to the session. */
  take(seq: number, count: number, results: Promise<readonly PublishResult[]>): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq + count - 1);
    this.#inFlight.set(seq, { count, results });
    void results.then((known) => {
      this.#inFlight.delete(seq);
      let at = seq;
      for (const result of known) {
        this.#results.write(at, result);
        at += result.count;
      }
    });
  }
}
