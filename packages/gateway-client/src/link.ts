import {
  type AuthOk,
  type CaughtUp,
  type Committed,
  ErrorCode,
  type ErrorFrame,
  type FrameInput,
  type Gap,
  type Records,
  Scope,
  type ServerFrame,
  type StreamOffset,
  type StreamStates,
  type Subscribed,
  type Unsubscribed,
  type Welcome,
} from '@millrace/gateway-protocol';
import type { Clock, Timer } from './environment.ts';
import { GatewayError, ProtocolViolation } from './errors.ts';
import { UNSUBSCRIBE_AGAIN_MS } from './limits.ts';

/** What a request is answered with; null when the connection ended first. */
export type Answer = Subscribed | Unsubscribed | Committed | AuthOk | ErrorFrame | null;

/** Where the frames of streams go. Every method may throw a ProtocolViolation. */
export interface StreamSink {
  records(partition: number, frame: Records): void;
  progress(partition: number, entry: StreamOffset): void;
  caughtUp(partition: number, frame: CaughtUp): void;
  gap(partition: number, frame: Gap): void;
}

/** A subscription as its connection sees it. */
export interface Subscriber {
  /** null: it wants to know of its streams, not what is in them. */
  readonly sink: StreamSink | null;
  /** @throws ProtocolViolation */
  streams(frame: StreamStates): void;
  /** The server ended it on its own. */
  unsubscribed(frame: Unsubscribed): void;
  /** An Error about it that did not end it. */
  warned(frame: ErrorFrame): void;
}

/** One Subscribe of this connection. It outlives its subscriber until the server has confirmed the end. */
interface Entry {
  readonly sub: number;
  readonly lane: number;
  readonly sharingKey: string;
  /** null once nobody cares any more: what still arrives is dropped. */
  subscriber: Subscriber | null;
  /** Told once the server holds nothing of it any more. */
  ended?: () => void;
  /** Unsubscribe was refused for now: until it is said again. */
  timer?: Timer;
}

interface Binding {
  readonly entry: Entry;
  readonly partition: number;
}

const LANES = [0, 1, 2, 3] as const;

/**
 * What is known only on one connection: open requests, sub ids, stream ids, lanes. It is thrown away
 * with the connection, so that nothing of it can be mistaken for something on the next.
 */
export class Link {
  readonly welcome: Welcome;
  /** Publish credit that was added since Welcome, for a publisher that comes later. */
  addRecords = 0;
  addBytes = 0;
  readonly send: (frame: FrameInput) => boolean;
  readonly #dropped: (bytes: number) => void;
  readonly #clock: Clock;
  readonly #requests = new Map<number, (answer: Answer) => void>();
  readonly #entries = new Map<number, Entry>();
  readonly #streams = new Map<number, Binding>();
  #lastReq = 0;
  #lastSub = 0;

  /** @param dropped told of the bytes of records that came for nobody. */
  constructor(
    welcome: Welcome,
    send: (frame: FrameInput) => boolean,
    dropped: (bytes: number) => void,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.welcome = welcome;
    this.send = send;
    this.#dropped = dropped;
  }

  /**
   * Sends a frame with a number of its own; `answered` is called once.
   * @throws GatewayError when it cannot be sent.
   */
  request(frame: (req: number) => FrameInput, answered: (answer: Answer) => void): void {
    const req = ++this.#lastReq;
    if (!this.send(frame(req)))
      throw new GatewayError(ErrorCode.LIMIT, 'more than the gateway takes');
    this.#requests.set(req, answered);
  }

  /**
   * A number and a lane for a new Subscribe.
   * @param sharingKey equal for those that need different lanes.
   * @param lane the wanted one; otherwise the lowest that is free.
   */
  open(subscriber: Subscriber, sharingKey: string, lane?: number): { sub: number; lane: number } {
    const used = [...this.#entries.values()]
      .filter((other) => other.sharingKey === sharingKey)
      .map((other) => other.lane);
    const sub = ++this.#lastSub;
    // With all four in use the server says what is wrong.
    const chosen = lane ?? LANES.find((free) => !used.includes(free)) ?? 0;
    this.#entries.set(sub, { sub, lane: chosen, sharingKey, subscriber });
    return { sub, lane: chosen };
  }

  /** Nobody cares for this subscription any more. `ended` is called when the server is done with it. */
  abandon(sub: number, ended: () => void = () => undefined): void {
    const entry = this.#entries.get(sub);
    if (entry === undefined) {
      ended();
      return;
    }
    entry.subscriber = null;
    entry.ended = ended;
    this.#unsubscribe(entry);
  }

  #unsubscribe(entry: Entry): void {
    const { sub } = entry;
    this.request(
      (req) => ({ kind: 'unsubscribe', req, sub }),
      (answer) => {
        if (answer?.kind !== 'error' || !answer.retryable) this.forget(sub);
        // Until then the server still sends.
        else if (this.#entries.has(sub)) {
          const waitMs = Math.max(answer.retryAfterMs, UNSUBSCRIBE_AGAIN_MS);
          entry.timer = this.#clock.setTimer(waitMs, () => this.#unsubscribe(entry));
        }
      },
    );
  }

  /** The server holds nothing of it any more. */
  forget(sub: number): void {
    const entry = this.#entries.get(sub);
    this.#entries.delete(sub);
    for (const [stream, binding] of this.#streams)
      if (binding.entry === entry) this.#streams.delete(stream);
    entry?.timer?.cancel();
    entry?.ended?.();
  }

  /** False when the frame is not about requests or subscriptions. @throws ProtocolViolation */
  take(frame: ServerFrame): boolean {
    switch (frame.kind) {
      case 'subscribed':
        this.#bind(frame);
        this.#answer(frame.req, frame);
        return true;
      case 'streamStates':
        this.#bind(frame)?.streams(frame);
        return true;
      case 'records':
        this.#records(frame);
        return true;
      case 'progress':
        for (const entry of frame.streams) {
          const { entry: owner, partition } = this.#binding(entry.stream);
          owner.subscriber?.sink?.progress(partition, entry);
        }
        return true;
      case 'caughtUp': {
        const { entry, partition } = this.#binding(frame.stream);
        entry.subscriber?.sink?.caughtUp(partition, frame);
        return true;
      }
      case 'gap': {
        const { entry, partition } = this.#binding(frame.stream);
        entry.subscriber?.sink?.gap(partition, frame);
        return true;
      }
      case 'unsubscribed':
        this.#unsubscribed(frame);
        return true;
      case 'committed':
      case 'authOk':
        this.#answer(frame.req, frame);
        return true;
      case 'error':
        return this.#error(frame);
      default:
        return false;
    }
  }

  /** The connection is gone. */
  end(): void {
    const waiting = [...this.#requests.values()];
    this.#requests.clear();
    for (const answered of waiting) answered(null);
    for (const sub of this.#entries.keys()) this.forget(sub);
  }

  #bind(frame: Subscribed | StreamStates): Subscriber | null {
    const entry = this.#entries.get(frame.sub);
    if (entry === undefined) throw new ProtocolViolation(`subscription ${frame.sub} of nobody`);
    for (const { stream, partition } of frame.streams)
      if (stream !== 0) this.#streams.set(stream, { entry, partition });
    return entry.subscriber;
  }

  #binding(stream: number): Binding {
    const binding = this.#streams.get(stream);
    if (binding === undefined) throw new ProtocolViolation(`unknown stream ${stream}`);
    return binding;
  }

  #records(frame: Records): void {
    const { entry, partition } = this.#binding(frame.stream);
    const sink = entry.subscriber?.sink ?? null;
    if (sink !== null) sink.records(partition, frame);
    else if (frame.part === 0) this.#dropped(frame.rawSize);
  }

  #unsubscribed(frame: Unsubscribed): void {
    if (frame.req !== 0) {
      this.#answer(frame.req, frame);
      return;
    }
    const subscriber = this.#entries.get(frame.sub)?.subscriber;
    this.forget(frame.sub);
    subscriber?.unsubscribed(frame);
  }

  #answer(req: number, frame: Exclude<Answer, null>): void {
    const answered = this.#requests.get(req);
    if (answered === undefined) throw new ProtocolViolation(`an answer to nothing: ${req}`);
    this.#requests.delete(req);
    answered(frame);
  }

  #error(frame: ErrorFrame): boolean {
    if (frame.scope === Scope.REQUEST && this.#requests.has(frame.id)) {
      this.#answer(frame.id, frame);
      return true;
    }
    const entry =
      frame.scope === Scope.STREAM
        ? this.#streams.get(frame.id)?.entry
        : frame.scope === Scope.SUBSCRIPTION
          ? this.#entries.get(frame.id)
          : undefined;
    entry?.subscriber?.warned(frame);
    return entry !== undefined;
  }
}
