import {
  CLIENT_MESSAGE_BYTES_MAX,
  CloseCode,
  type ErrorFrame,
  type FrameInput,
  Scope,
  type ServerFrame,
  type Welcome,
} from '@millrace/gateway-protocol';
import type { Clock, Timer } from './environment.ts';
import { clientError, type GatewayError, ProtocolViolation } from './errors.ts';
import { CLOSE_REASON_CHARS_MAX, LATE_TIMER_MS, PING_INTERVAL_MS_MAX } from './limits.ts';
import type { WebSocketConstructor, WebSocketLike } from './options.ts';
import type { WireFormat } from './wire-format.ts';

/** Why a connection is over. */
export interface Ending {
  /** Close code: the server's, or ours. 1006 = it just broke. */
  readonly code: number;
  readonly message: string;
  /** The last Error about the connection that came before. */
  readonly error: ErrorFrame | null;
  /** What this side found wrong. */
  readonly cause: GatewayError | null;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly format: WireFormat;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly hello: FrameInput;
  /** How long it may be silent before Welcome. */
  readonly patienceMs: number;
}

export interface ConnectionEvents {
  /** The socket is open, and Hello said. */
  opened(): void;
  welcome(welcome: Welcome): void;
  /** Everything after Welcome except Ping. @throws ProtocolViolation, which ends the connection. */
  frame(frame: ServerFrame): void;
  /** Once, and nothing comes after it. */
  ended(ending: Ending): void;
}

/** Codes that `WebSocket.close` takes. */
const CLOSE_NORMAL = 1000;
const ABNORMAL = 1006;

/**
 * One WebSocket conversation: Hello and Welcome, verified frames, heartbeat.
 *
 * ```
 *  CONNECTING ─open─► HELLO ─Welcome─► READY ─► ENDED      any state ─► ENDED, once
 * ```
 */
export class Connection {
  readonly beganAtMs: number;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  #state: 'connecting' | 'hello' | 'ready' | 'ended' = 'connecting';
  #lastError: ErrorFrame | null = null;
  #messageBytesMax = CLIENT_MESSAGE_BYTES_MAX;
  #pingIntervalMs = 0;
  /** Silence after which the connection is dead. */
  #silenceMs = 0;
  #graceMs = 0;
  #heardAtMs: number;
  /** A Ping is out, and any message answers it. */
  #isAsking = false;
  #timer: Timer;

  /** @throws what the WebSocket constructor throws, for a malformed URL, and the encoder, for a Hello of what nobody may say. */
  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#clock = options.clock;
    this.beganAtMs = this.#heardAtMs = this.#clock.monotonicMs();
    const hello = options.format.encode(options.hello);
    this.#socket = new options.WebSocket(options.url, [options.format.subprotocol]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => {
      this.#state = 'hello';
      this.#socket.send(hello);
      this.#timer.cancel();
      this.#timer = this.#await();
      events.opened();
    };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason, null);
    // A close event follows every error event and says more.
    this.#socket.onerror = () => undefined;
    this.#timer = this.#await();
  }

  #await(): Timer {
    return this.#clock.setTimer(this.#options.patienceMs, () => this.close(ABNORMAL, 'no Welcome'));
  }

  /**
   * Nothing happens once the connection is over: what was sent would be lost as well.
   * @returns false when the frame is larger than the gateway takes; it was not sent.
   * @throws GatewayError when it says what no frame can; neither was it.
   */
  send(frame: FrameInput): boolean {
    if (this.#state !== 'hello' && this.#state !== 'ready') return true;
    let data: string | Uint8Array<ArrayBuffer>;
    try {
      data = this.#options.format.encode(frame);
    } catch (error) {
      throw clientError((error as Error).message, error);
    }
    // A gateway drops the connection over a message that is too long, without a word.
    if (byteLength(data) > this.#messageBytesMax) return false;
    this.#socket.send(data);
    return true;
  }

  /** Ends it from this side. The socket says goodbye in the background. */
  close(code: number, message: string, cause: GatewayError | null = null): void {
    if (this.#state === 'ended') return;
    this.#end(code, message, cause);
    const sendable = code === CLOSE_NORMAL || code >= 4000;
    try {
      if (sendable) this.#socket.close(code, message.slice(0, CLOSE_REASON_CHARS_MAX));
      else this.#socket.close();
    } catch {
      this.#socket.close(); // a reason that is too long in UTF-8
    }
  }

  /** Finds out soon whether the connection lives, when nothing was heard for a while. */
  probe(): void {
    if (this.#state !== 'ready' || this.#isAsking) return;
    if (this.#clock.monotonicMs() - this.#heardAtMs < this.#pingIntervalMs) return;
    this.#ask();
  }

  #receive(data: unknown): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    try {
      const reading = this.#options.format.read(data);
      if (reading === null) throw new ProtocolViolation('a message of the wrong kind');
      if (!reading.ok) throw new ProtocolViolation(`${reading.check}: ${reading.message}`);
      for (const frame of reading.frames) {
        // A frame before may have ended the connection.
        if (this.#isEnded()) return;
        if (frame.kind === 'refused') throw new ProtocolViolation(frame.message);
        this.#take(frame);
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.close(error.code, error.message, error);
    }
  }

  #take(frame: ServerFrame): void {
    if (frame.kind === 'ping') {
      const receivedMs = BigInt(Math.trunc(this.#clock.nowMs()));
      this.send({ kind: 'pong', nonce: frame.nonce, sentMs: frame.sentMs, receivedMs });
    } else if (frame.kind === 'error' && frame.scope === Scope.CONNECTION) {
      this.#lastError = frame;
      if (this.#state === 'ready') this.#events.frame(frame);
    } else if (this.#state === 'ready') {
      if (frame.kind === 'welcome') throw new ProtocolViolation('a second Welcome');
      this.#events.frame(frame);
    } else if (frame.kind === 'welcome') {
      this.#state = 'ready';
      this.#pingIntervalMs = Math.min(frame.pingIntervalMs, PING_INTERVAL_MS_MAX);
      this.#graceMs = Math.min(frame.pongGraceMs, PING_INTERVAL_MS_MAX);
      this.#silenceMs = this.#pingIntervalMs + this.#graceMs;
      this.#messageBytesMax = frame.limits?.messageBytes ?? CLIENT_MESSAGE_BYTES_MAX;
      this.#watch(this.#silenceMs);
      this.#events.welcome(frame);
    } else {
      throw new ProtocolViolation(`${frame.kind} before Welcome`);
    }
  }

  /** Looks again after `delayMs` whether anything was heard. */
  #watch(delayMs: number): void {
    this.#timer.cancel();
    const dueMs = this.#clock.monotonicMs() + delayMs;
    this.#timer = this.#clock.setTimer(delayMs, () => {
      const nowMs = this.#clock.monotonicMs();
      const silentMs = nowMs - this.#heardAtMs;
      if (silentMs < this.#silenceMs) this.#watch(this.#silenceMs - silentMs);
      // The machine slept: messages may be waiting behind this timer, and the server may have given up.
      else if (nowMs - dueMs > LATE_TIMER_MS) this.#ask();
      else this.#dead();
    });
  }

  /** One Ping, and the grace to hear anything at all. */
  #ask(): void {
    const askedAtMs = this.#clock.monotonicMs();
    const sentMs = BigInt(Math.trunc(this.#clock.nowMs()));
    this.#isAsking = true;
    this.send({ kind: 'ping', nonce: 0, sentMs });
    this.#timer.cancel();
    this.#timer = this.#clock.setTimer(this.#graceMs, () => {
      this.#isAsking = false;
      if (this.#heardAtMs < askedAtMs) this.#dead();
      else this.#watch(this.#silenceMs);
    });
  }

  #dead(): void {
    this.close(CloseCode.NO_PONG, 'the gateway is silent');
  }

  #isEnded(): boolean {
    return this.#state === 'ended';
  }

  #end(code: number, message: string, cause: GatewayError | null): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#timer.cancel();
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#events.ended({ code, message, error: this.#lastError, cause });
  }
}

function byteLength(data: string | Uint8Array): number {
  if (typeof data !== 'string') return data.length;
  return new TextEncoder().encode(data).length;
}
