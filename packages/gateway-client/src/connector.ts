import {
  CloseCode,
  type FrameFields,
  type Goaway,
  isTerminalClose,
  type ServerFrame,
  TOKEN_BYTES_MAX,
  type Welcome,
} from '@millrace/gateway-protocol';
import { Backoff } from './backoff.ts';
import { Connection, type Ending } from './connection.ts';
import type { Environment, Timer } from './environment.ts';
import { clientError, GatewayError, type ProtocolViolation } from './errors.ts';
import {
  ATTEMPT_EVERY_MS,
  EARLY_TIMER_MS,
  PATIENCE_FACTOR,
  PATIENCE_MS,
  PATIENCE_MS_MAX,
  RACE_SHARE,
  SERVER_DELAY_MS_MAX,
  STABLE_AFTER_MS,
} from './limits.ts';
import { loadFormat } from './load-format.ts';
import type { ClientOptions, ClientState, TokenReason, WebSocketConstructor } from './options.ts';
import type { WireFormat } from './wire-format.ts';

export interface ConnectorOptions {
  readonly client: ClientOptions;
  readonly urls: readonly string[];
  readonly WebSocket: WebSocketConstructor;
  readonly environment: Environment;
}

export interface ConnectorEvents {
  /** What Hello says, without the token. */
  hello(): FrameFields<'hello'>;
  /** @returns false when the connection has to be made again, with another Hello. */
  ready(connection: Connection, welcome: Welcome): boolean;
  frame(frame: ServerFrame): void;
  /** The connection that was ready is gone. */
  lost(): void;
  state(state: ClientState): void;
  /** No further attempt is made. */
  ended(error: GatewayError): void;
  /** An attempt failed, and another follows. */
  report(error: GatewayError): void;
}

/**
 * Keeps one connection: tokens, addresses, waits between attempts.
 *
 * ```
 *  idle ─start─► connecting ─Welcome─► ready ─lost─► reconnecting ─Welcome─► ready …
 *                    any state ─ close, a terminal close code, too many failures ─► closed
 * ```
 */
export class Connector {
  readonly #o: ConnectorOptions;
  readonly #events: ConnectorEvents;
  readonly #backoff: Backoff;
  readonly #forgetWake: () => void;
  #state: ClientState = 'idle';
  #connection: Connection | null = null;
  /** Attempts that take long, by URL: another is under way beside them, and the first Welcome wins. */
  readonly #slow = new Map<Connection, string>();
  #url = '';
  /** What attempts beside each other all say: any may win, and sessions and credit are counted once. */
  #hello: FrameFields<'hello'> | null = null;
  /** Counts attempts: one that was overtaken while it waited for its token gives up. */
  #attempt = 0;
  #attemptAtMs = -ATTEMPT_EVERY_MS;
  /** Attempts in a row that did not reach Welcome. */
  #failures = 0;
  /** How long an attempt is waited for. */
  #patienceMs = PATIENCE_MS;
  #readyAtMs = 0;
  #timer: Timer | null = null;
  #why: TokenReason = 'connect';
  #urlAt = 0;
  /** Where a Goaway sends the next attempt, and when. */
  #goaway: { readonly url: string | null; readonly atMs: number } | null = null;

  constructor(options: ConnectorOptions, events: ConnectorEvents) {
    this.#o = options;
    this.#events = events;
    const { random } = options.environment;
    this.#backoff = new Backoff(random, options.client.reconnect);
    this.#forgetWake = options.environment.onWake(() => this.#wake());
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Something wants a connection. */
  start(): void {
    if (this.#state !== 'idle') return;
    this.#moveTo('connecting');
    void this.#try();
  }

  /** No more connections. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#stop();
    this.#connection?.close(1000, '');
  }

  /** The first Welcome is there, or no connection is wanted any more. */
  #dropSlow(): void {
    const slow = [...this.#slow.keys()];
    this.#slow.clear();
    for (const connection of slow) connection.close(1000, '');
  }

  /** The server broke the protocol, which showed only now. */
  fail(violation: ProtocolViolation): void {
    this.#connection?.close(violation.code, violation.message, violation);
  }

  /** The server asks to leave: once nothing is open, after the time it names. */
  leave(goaway: Goaway, whenDrained: () => Promise<void>): void {
    const connection = this.#connection;
    const waitMs = Math.min(goaway.reconnectAfterMs, SERVER_DELAY_MS_MAX);
    this.#goaway = { url: goaway.url, atMs: this.#nowMs() + waitMs };
    this.#after(waitMs, () => {
      void whenDrained().then(() => connection?.close(1000, 'asked to go'));
    });
  }

  #nowMs(): number {
    return this.#o.environment.clock.monotonicMs();
  }

  #after(delayMs: number, then: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#o.environment.clock.setTimer(delayMs, () => {
      this.#timer = null;
      then();
    });
  }

  #moveTo(state: ClientState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#events.state(state);
  }

  #stop(): void {
    this.#attempt++;
    this.#timer?.cancel();
    this.#dropSlow();
    this.#forgetWake();
    this.#moveTo('closed');
  }

  #end(error: GatewayError): void {
    this.#stop();
    this.#connection?.close(1000, '');
    this.#events.ended(error);
  }

  async #try(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#attemptAtMs = this.#nowMs();
    const { getToken, protocol = 'binary' } = this.#o.client;
    let needs: [string | undefined, WireFormat];
    try {
      needs = await Promise.all([getToken?.(this.#why), loadFormat(protocol)]);
      const length = needs[0]?.length ?? 0;
      if (length > TOKEN_BYTES_MAX) throw new Error(`a token of ${length} characters`);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#failures++;
      this.#again(clientError('no token came', error), 0);
      return;
    }
    if (attempt === this.#attempt) this.#connect(needs[0] ?? null, needs[1]);
  }

  #connect(token: string | null, format: WireFormat): void {
    const { WebSocket, environment } = this.#o;
    if (this.#slow.size === 0 || this.#hello === null) this.#hello = this.#events.hello();
    const hello = { ...this.#hello, token };
    const url = this.#nextUrl();
    const { clock } = environment;
    const patienceMs = this.#patienceMs;
    try {
      const connection = new Connection(
        { url, format, WebSocket, clock, hello, patienceMs },
        {
          opened: () => {
            if (connection === this.#connection) this.#raceLater();
          },
          welcome: (welcome) => this.#welcomed(connection, welcome),
          frame: (frame) => this.#events.frame(frame),
          ended: (ending) => this.#ended(connection, ending),
        },
      );
      this.#connection = connection;
      this.#url = url;
      this.#raceLater();
    } catch (error) {
      this.#end(clientError(`no connection to ${url}`, error));
    }
  }

  /** The attempt moves on: it has this long from now. */
  #raceLater(): void {
    const share = RACE_SHARE * (1 + this.#o.environment.random.float());
    this.#after(share * this.#patienceMs, () => this.#race());
  }

  /** No Welcome yet: the next gateway is asked as well, if there is one that nobody waits for. */
  #race(): void {
    const connection = this.#connection;
    const asked = [this.#url, ...this.#slow.values()];
    if (connection === null || this.#isLast || this.#o.urls.every((url) => asked.includes(url)))
      return;
    this.#slow.set(connection, this.#url);
    this.#connection = null;
    void this.#try();
  }

  /** The gateway may name a quieter node, but not a less protected way to it. */
  #nextUrl(): string {
    const { urls } = this.#o;
    const asked = [...this.#slow.values()];
    const next = (): string => urls[this.#urlAt % urls.length] as string;
    // One is left that nobody waits for: otherwise there is no race.
    while (asked.includes(next())) this.#urlAt++;
    const usual = next();
    const named = this.#goaway?.url ?? null;
    this.#goaway = null;
    const isSafe =
      named?.startsWith('wss:') || (named?.startsWith('ws:') && usual.startsWith('ws:'));
    return named !== null && isSafe ? named : usual;
  }

  #welcomed(connection: Connection, welcome: Welcome): void {
    this.#timer?.cancel();
    this.#attempt++;
    if (this.#slow.delete(connection)) {
      const later = this.#connection;
      this.#connection = connection;
      later?.close(1000, '');
    }
    this.#dropSlow();
    this.#failures = 0;
    this.#why = 'connect';
    this.#readyAtMs = this.#nowMs();
    this.#wait(PATIENCE_FACTOR * (this.#readyAtMs - connection.beganAtMs));
    if (!this.#events.ready(connection, welcome)) {
      this.#connection = null;
      connection.close(1000, 'with another session');
      void this.#try();
      return;
    }
    this.#moveTo('ready');
  }

  /** How long the next attempt is waited for. */
  #wait(patienceMs: number): void {
    this.#patienceMs = Math.min(Math.max(patienceMs, PATIENCE_MS), PATIENCE_MS_MAX);
  }

  #ended(connection: Connection, ending: Ending): void {
    const isReady = connection === this.#connection && this.#state === 'ready';
    // What was begun anew would take as long, and somebody may be working on it.
    const tookMs = this.#nowMs() - connection.beganAtMs + EARLY_TIMER_MS;
    if (!isReady && tookMs >= this.#patienceMs) this.#wait(2 * this.#patienceMs);
    if (this.#slow.delete(connection)) this.#failures++;
    if (connection !== this.#connection) return;
    this.#connection = null;
    const wasReady = this.#state === 'ready';
    if (wasReady) this.#events.lost();
    if (this.#state === 'closed') return;
    if (wasReady) this.#moveTo('reconnecting');
    else this.#failures++;
    const error = ending.cause ?? endingError(ending);
    if (ending.code === CloseCode.UNAUTHENTICATED && this.#canAskForAnother()) {
      this.#why = 'rejected';
      void this.#try();
    } else if (this.#slow.size === 0 && (ending.cause !== null || isTerminal(ending.code))) {
      this.#end(error);
    } else {
      if (ending.code === CloseCode.TOKEN_EXPIRED) this.#why = 'expiring';
      if (wasReady && this.#nowMs() - this.#readyAtMs >= STABLE_AFTER_MS) this.#backoff.reset();
      if (!wasReady) this.#urlAt++;
      this.#again(error, ending.error?.retryAfterMs ?? 0);
    }
  }

  /** One token that was refused may have been stale. */
  #canAskForAnother(): boolean {
    return this.#o.client.getToken !== undefined && this.#why !== 'rejected';
  }

  /** As many attempts failed as may. */
  get #isLast(): boolean {
    return this.#failures >= (this.#o.client.reconnect?.attempts ?? Infinity);
  }

  /** Tries again after a while, at the earliest after `retryAfterMs`; what still hangs is waited for. */
  #again(error: GatewayError, retryAfterMs: number): void {
    const [slow] = this.#slow;
    if (slow !== undefined) {
      [this.#connection, this.#url] = slow;
      this.#slow.delete(slow[0]);
    } else if (this.#isLast) {
      this.#end(error);
      return;
    }
    const goaway = this.#goaway;
    if (goaway === null) this.#events.report(error);
    const delayMs =
      goaway === null
        ? this.#backoff.nextMs(retryAfterMs)
        : Math.max(0, goaway.atMs - this.#nowMs());
    this.#after(delayMs, () => (slow === undefined ? void this.#try() : this.#race()));
  }

  /** The network is back, or somebody looks: waits are over, and a dead connection shows soon. */
  #wake(): void {
    if (this.#state === 'ready') this.#connection?.probe();
    if (this.#state !== 'connecting' && this.#state !== 'reconnecting') return;
    const sinceMs = this.#nowMs() - this.#attemptAtMs;
    this.#after(Math.max(0, ATTEMPT_EVERY_MS - sinceMs), () => {
      // An attempt that hangs since before is not waited for.
      const hanging = this.#connection;
      this.#connection = null;
      hanging?.close(1000, '');
      void this.#try();
    });
  }
}

function endingError({ code, message, error }: Ending): GatewayError {
  const said = error?.message ?? message;
  return new GatewayError(code, said === '' ? 'the connection ended' : said, {
    retryable: !isTerminal(code),
    retryAfterMs: error?.retryAfterMs ?? 0,
  });
}

/**
 * The application has to decide. Proxies close with 1000 or 1001, which decides nothing; and Hello is said at once, so a
 * gateway that did not hear it (4502) tells of the network.
 */
function isTerminal(code: number): boolean {
  return code !== 1000 && code !== CloseCode.HELLO_TIMEOUT && isTerminalClose(code);
}
