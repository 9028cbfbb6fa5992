import { asError, type Clock, type Logger, type Timer } from '@millrace/base';
import { acceptLimits } from './limits.ts';

const SECOND_MS = 1000;

/**
 * How many connections may wait to be accepted. In one turn of the event loop the transport accepts all of them and then
 * reads their requests, before anything else has a turn: with 512 of them a tenth of a second. So while handshakes
 * are refused in such numbers that somebody must mean harm, fewer may wait, and the kernel lets the others try again.
 */
export class AcceptQueue {
  readonly #log: Logger;
  readonly #timer: Timer;
  #setLength: (length: number) => void = () => {};
  #refused = 0;
  #isShort = false;
  #calmSeconds = 0;

  constructor(clock: Clock, log: Logger) {
    this.#log = log;
    this.#timer = clock.setInterval(SECOND_MS, () => this.#everySecond());
  }

  /** @param setLength changes the listening socket's queue; without one nothing ever changes */
  attach(setLength: (length: number) => void): void {
    this.#setLength = setLength;
  }

  /** A handshake was refused. */
  refused(): void {
    this.#refused++;
    if (this.#isShort || this.#refused < acceptLimits.floodRefusals) return;
    this.#isShort = true;
    this.#calmSeconds = 0;
    this.#log.warn('many handshakes are refused: fewer clients may wait to be accepted');
    this.#set(acceptLimits.queueFlooded);
  }

  close(): void {
    this.#timer.cancel();
  }

  #everySecond(): void {
    const isCalm = this.#refused < acceptLimits.calmRefusals;
    this.#refused = 0;
    this.#calmSeconds = isCalm ? this.#calmSeconds + 1 : 0;
    if (!this.#isShort || this.#calmSeconds < acceptLimits.calmSeconds) return;
    this.#isShort = false;
    this.#log.info('few handshakes are refused again');
    this.#set(acceptLimits.queue);
  }

  #set(length: number): void {
    try {
      this.#setLength(length);
    } catch (error) {
      this.#log.warn('the accept queue could not be changed', { error: asError(error) });
    }
  }
}
