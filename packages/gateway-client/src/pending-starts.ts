import {
  Outcome,
  StartKind,
  type StreamInfo,
  type StreamStates,
  type Subscribed,
} from '@millrace/gateway-protocol';
import type { Link } from './link.ts';
import type { Place } from './partition-state.ts';
import { type ProbeEvents, probeStarts } from './start-probe.ts';
import type { SubscribeFields } from './subscribe-frame.ts';

/** Which partitions still wait for the start that the subscription was made with. */
export class PendingStarts {
  readonly #waiting = new Set<number>();
  #isListed = false;
  #isAsked = false;
  #endProbe: (() => void) | null = null;

  /** Every partition of that start has a place: any other was added later. */
  get areKnown(): boolean {
    return this.#isListed && this.#waiting.size === 0;
  }

  /**
   * Decides what is sent: what no token can say is asked for apart, and what is known does not wait for it.
   *
   * @param first asks for that start.
   * @param going goes on from `places`; null: there are none.
   */
  asks(
    first: SubscribeFields,
    going: SubscribeFields | null,
    places: readonly Place[],
  ): { readonly main: SubscribeFields; readonly apart: SubscribeFields | null } {
    this.#isAsked = going === null;
    if (going === null) {
      this.#waiting.clear();
      this.#isListed = false;
      return { main: first, apart: null };
    }
    if (first.start === StartKind.EARLIEST || this.areKnown) return { main: going, apart: null };
    const partitions = places.map(({ partition }) => partition);
    // Not even the names of those that wait are known while the list has not come.
    const waiting = this.#isListed ? { partitions: [...this.#waiting] } : {};
    return { main: { ...going, partitions }, apart: { ...first, ...waiting } };
  }

  probe(link: Link, fields: SubscribeFields, sharingKey: string, events: ProbeEvents): void {
    this.#endProbe = probeStarts(link, fields, sharingKey, events);
  }

  endProbe(): void {
    this.#endProbe?.();
    this.#endProbe = null;
  }

  /**
   * @param places those of partitions that others than a probe read: a list that it asks for once more names them again.
   * @returns the streams that begin with it.
   */
  take(
    frame: Subscribed | StreamStates,
    isProbed: boolean,
    places: readonly Place[],
  ): StreamInfo[] {
    const { more } = frame;
    // A topic that is made again meanwhile ends the subscription.
    const streams = frame.streams.filter(
      ({ outcome, startOffset }) => outcome !== Outcome.RECREATED || startOffset >= 0n,
    );
    const isFirst = isProbed || this.#isAsked;
    for (const { outcome, partition } of streams) {
      if (outcome !== Outcome.PENDING) this.#waiting.delete(partition);
      else if (isFirst && !this.#isListed) this.#waiting.add(partition);
    }
    if (isFirst && !more) this.#isListed = true;
    return streams.filter((info) => places.every(({ partition }) => partition !== info.partition));
  }
}
