import { sessionLimits } from '../limits.ts';
import { Pace, Strikes } from '../rates.ts';

/** How a client behaves: its rates, and what it did that it should not have. */
export class Conduct {
  readonly #requests = new Pace();
  readonly #smallFrames = new Pace();
  readonly #pings = new Pace();
  #strikes: Strikes | null = null;
  #creditStrikes: Strikes | null = null;

  /** @param perSecond `gateway.requests.per.second`; a client that comes back asks for all it had at once. */
  mayRequest(nowMs: number, perSecond: number): boolean {
    return this.#requests.take(nowMs, perSecond, 2 * perSecond);
  }

  maySendSmallFrame(nowMs: number): boolean {
    const { smallFramesPerSecond, smallFrameBurst } = sessionLimits;
    return this.#smallFrames.take(nowMs, smallFramesPerSecond, smallFrameBurst);
  }

  mayPing(nowMs: number): boolean {
    return this.#pings.take(nowMs, sessionLimits.pingsPerSecond, sessionLimits.pingBurst);
  }

  /** True when this refused frame or request is one too many. */
  strike(nowMs: number): boolean {
    this.#strikes ??= new Strikes(sessionLimits.strikesMax, sessionLimits.strikeWindowMs);
    return this.#strikes.add(nowMs);
  }

  /** True when this publish without credit is one too many. */
  creditStrike(nowMs: number): boolean {
    const { creditStrikesMax, creditStrikeWindowMs } = sessionLimits;
    this.#creditStrikes ??= new Strikes(creditStrikesMax, creditStrikeWindowMs);
    return this.#creditStrikes.add(nowMs);
  }
}
