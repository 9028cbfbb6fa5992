import type { Clock } from '@millrace/base';
import type { AppendPlan } from '../log/append-plan.ts';

const doNothing = (): void => {};

/**
 * The beat of the decision thread. Whatever was decided since the last beat leaves in one go:
 *
 *   handlers run → beforeFlush hooks → stage + commit → afterCommit hooks → replies to the sockets
 *
 * A beat is a reactor callback; work that starts elsewhere (a promise, a timer) calls `schedule`, which
 * arranges one beat after the current turn of the event loop.
 */
export class Tick {
  readonly #clock: Clock;
  readonly #plan: AppendPlan;
  readonly #beforeFlush: (() => void)[] = [];
  readonly #afterCommit: (() => void)[] = [];
  #flushReplies: () => void = doNothing;
  #onFailure: (error: unknown) => void = doNothing;
  #isRunning = false;
  #isScheduled = false;
  #wallMs = 0;
  #monotonicMs = 0;
  #isClosed = false;

  constructor(clock: Clock, plan: AppendPlan) {
    this.#clock = clock;
    this.#plan = plan;
    plan.onPending = () => this.schedule();
    plan.onFailure = (error) => this.#onFailure(error);
  }

  /** Wall-clock ms: that of the beat's start inside a beat, the clock's own outside. */
  readonly nowMs = (): number => (this.#isRunning ? this.#wallMs : this.#clock.nowMs());

  /** The same, monotonic. */
  readonly monotonicMs = (): number =>
    this.#isRunning ? this.#monotonicMs : this.#clock.monotonicMs();

  /** Called once per beat, before staged appends are written: the place to turn gathered work into one batch. */
  beforeFlush(hook: () => void): void {
    this.#beforeFlush.push(hook);
  }

  /** Called once per beat, after the write: what was appended can now be read. */
  afterCommit(hook: () => void): void {
    this.#afterCommit.push(hook);
  }

  /** How the replies of a beat leave; set once by the network side. */
  set flushReplies(flush: () => void) {
    this.#flushReplies = flush;
  }

  /** Told of whatever throws out of a beat: a bug. The process and the other clients go on. */
  set onFailure(report: (error: unknown) => void) {
    this.#onFailure = report;
  }

  /** Runs `body` as one beat. Never throws; beats do not nest. */
  run(body: () => void): void {
    if (this.#isRunning) throw new Error('a tick inside a tick');
    this.#isRunning = true;
    this.#wallMs = this.#clock.nowMs();
    this.#monotonicMs = this.#clock.monotonicMs();
    this.#attempt(body);
    this.#attempt(this.#write);
    this.#attempt(this.#flushReplies);
    this.#isRunning = false;
  }

  /** What a hook breaks is its own: the appends of the others are written and answered all the same. */
  readonly #write = (): void => {
    do {
      for (const hook of this.#beforeFlush) this.#attempt(hook);
      this.#plan.commit();
      for (const hook of this.#afterCommit) this.#attempt(hook);
    } while (!this.#plan.isEmpty);
  };

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Arranges a beat soon, unless one is running or already arranged. */
  schedule(): void {
    if (this.#isRunning || this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.run(doNothing);
    });
  }

  /** No beat after this one. */
  close(): void {
    this.#isClosed = true;
  }
}
