import {
  Caps,
  ErrorCode,
  type FrameFields,
  type Goaway,
  isRetryable,
  type ServerFrame,
  type Welcome,
} from '@millrace/gateway-protocol';
import { Backoff } from './backoff.ts';
import type { ClientEvents } from './client-events.ts';
import type { Connection } from './connection.ts';
import { Connector } from './connector.ts';
import { CreditReturn } from './credit-return.ts';
import { Emitter } from './emitter.ts';
import { type Environment, systemEnvironment } from './environment.ts';
import { clientError, GatewayError, ProtocolViolation } from './errors.ts';
import { supportedCodecs } from './inflate.ts';
import { CLOSE_TIMEOUT_MS, CONNECTION_WINDOW_BYTES } from './limits.ts';
import { type Answer, Link } from './link.ts';
import { LiveSubscription } from './live-subscription.ts';
import type {
  ClientOptions,
  ClientState,
  PingResult,
  Position,
  PublishOptions,
  PublishRecord,
  PublishResult,
  SubscribeOptions,
  WebSocketConstructor,
} from './options.ts';
import { ownRecord } from './own-record.ts';
import { Pinger } from './pinger.ts';
import { newSession } from './producer-session.ts';
import type { batchWork as BatchWork, recordWork as RecordWork } from './publish-entry.ts';
import type { Publisher } from './publisher.ts';
import { refusalError } from './refusal.ts';
import { positionEntry } from './subscribe-frame.ts';
import type { Subscription } from './subscription.ts';

/** What `publishing.ts` brings, and the publisher made of it. */
interface Publishing {
  readonly publisher: Publisher;
  readonly recordWork: typeof RecordWork;
  readonly batchWork: typeof BatchWork;
}

const CLIENT_NAME = 'millrace-gateway-client';
const CAPS =
  Caps.PUBLISH |
  Caps.COMMIT |
  Caps.CONFLATE |
  Caps.KEY_SNAPSHOT |
  Caps.PUBLISH_BATCH |
  Caps.HIDE_WATERMARK;

/**
 * Subscriptions, publishes and commits over one WebSocket to a gateway, which is made when it is first
 * needed and made again whenever it is lost. Positions live here, so any gateway process can go on.
 */
export class GatewayClient {
  readonly #options: ClientOptions;
  readonly #environment: Environment;
  readonly #emitter = new Emitter<ClientEvents>();
  readonly #connector: Connector;
  readonly #connectionWindow: CreditReturn;
  readonly #codecs: readonly number[];
  /** The session of the last Hello, for a publisher that comes later. */
  #session: Uint8Array | null = null;
  #publishing: Promise<Publishing> | null = null;
  #publisher: Publisher | null = null;
  readonly #pinger: Pinger;
  readonly #subscriptions = new Set<LiveSubscription>();
  /** The connection that is ready. */
  #link: Link | null = null;
  /** The gateway goes away: what is new waits for the next connection. */
  #isLeaving = false;
  /** Why nothing works any more. */
  #end: GatewayError | null = null;
  #closing: Promise<void> | null = null;

  /** @throws GatewayError when there is no URL or no WebSocket, or the window is none. */
  constructor(options: ClientOptions, environment: Environment = systemEnvironment) {
    const { clock } = environment;
    const urls = typeof options.url === 'string' ? [options.url] : [...options.url];
    const own = globalThis as { readonly WebSocket?: WebSocketConstructor };
    const WebSocket = options.WebSocket ?? own.WebSocket;
    if (urls.length === 0) throw clientError('no URL is given');
    if (WebSocket === undefined) throw clientError('no WebSocket: pass one');
    this.#options = options;
    this.#environment = environment;
    this.#codecs = options.protocol === 'json' ? [] : supportedCodecs(options.codecs);
    const windowBytes = options.window?.connectionBytes ?? CONNECTION_WINDOW_BYTES;
    this.#connectionWindow = new CreditReturn(windowBytes, clock);
    this.#pinger = new Pinger(clock);
    this.#connector = new Connector(
      { client: options, urls, WebSocket, environment },
      {
        hello: () => this.#hello(),
        ready: (connection, welcome) => this.#ready(connection, welcome),
        frame: (frame) => this.#take(frame),
        lost: () => this.#lost(),
        state: (state) => this.#emitter.emit('state', state),
        ended: (error) => this.#fail(error),
        report: (error) => this.#emitter.emit('error', error),
      },
    );
  }

  get state(): ClientState {
    return this.#connector.state;
  }

  on<E extends keyof ClientEvents>(event: E, listener: ClientEvents[E]): () => void {
    return this.#emitter.on(event, listener);
  }

  /**
   * Begins at once, whether or not somebody iterates already.
   * @throws GatewayError when the client is closed, or the options cannot mean anything.
   */
  subscribe(topic: string, options: SubscribeOptions = {}): Subscription {
    this.#assertOpen();
    const subscription = new LiveSubscription(topic, options, {
      environment: this.#environment,
      options: this.#options,
      connectionWindow: this.#connectionWindow,
      forget: (ended) => void this.#subscriptions.delete(ended as LiveSubscription),
      broken: (violation) => this.#connector.fail(violation),
      report: (error) => this.#emitter.emit('error', error),
    });
    if (subscription.state === 'closed') return subscription;
    this.#subscriptions.add(subscription);
    this.#connector.start();
    if (this.#link !== null && !this.#isLeaving) void subscription.attach(this.#link);
    return subscription;
  }

  /** @throws GatewayError when it was not appended, UnknownOutcomeError when nobody knows. */
  async publish(
    topic: string,
    record: PublishRecord,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    this.#assertOpen();
    this.#connector.start();
    const own = ownRecord(record);
    const { publisher, recordWork } = await this.#loadPublishing();
    return publisher.publish(recordWork(topic, own, options), options.signal);
  }

  /**
   * Publishes 1 to 1,000 records to one partition, in order. With `partition` null, which needs
   * null keys, the gateway picks one.
   * @throws GatewayError when one of them was not appended, UnknownOutcomeError when nobody knows.
   */
  async publishBatch(
    topic: string,
    partition: number | null,
    records: readonly PublishRecord[],
  ): Promise<PublishResult> {
    this.#assertOpen();
    this.#connector.start();
    const nowMs = this.#environment.clock.nowMs();
    const own = records.map(ownRecord);
    const { publisher, batchWork } = await this.#loadPublishing();
    return publisher.publish(batchWork(topic, partition, own, nowMs));
  }

  /**
   * Writes positions where the cluster keeps them, for `start: { committed: name }`.
   * @param positions without them, those of the subscription when the request is sent.
   * @throws GatewayError when they were not written; `partition` names the first that was refused.
   */
  async commit(
    name: string,
    subscription: Subscription,
    positions?: readonly Position[],
  ): Promise<void> {
    this.#assertOpen();
    if (!(subscription instanceof LiveSubscription))
      throw clientError('a subscription of another client');
    for (;;) {
      const attachment = await subscription.attached();
      if (attachment === null) throw this.#end ?? clientError('the subscription is closed');
      const { link, sub } = attachment;
      const offsets = (positions ?? subscription.position()).map(positionEntry);
      const answer = await new Promise<Answer>((resolve) =>
        link.request((req) => ({ kind: 'commit', req, sub, name, offsets }), resolve),
      );
      // The same again on the next connection: the last value wins in any case.
      if (answer === null) continue;
      const refused = refusedCommit(answer);
      if (refused !== null) throw refused;
      return;
    }
  }

  /** Measures the way to the gateway and back; at most once a second. */
  async ping(): Promise<PingResult> {
    this.#assertOpen();
    this.#connector.start();
    return this.#pinger.ping();
  }

  /** Ends subscriptions, waits up to 10 s for the outcome of publishes, then closes the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const error = clientError('the client is closed');
    this.#end ??= error;
    const saved = [...this.#subscriptions].map((subscription) => subscription.shut());
    await this.#publishesSettled();
    this.#publisher?.end(error);
    this.#pinger.end(error);
    this.#connector.close();
    this.#lost();
    await Promise.all(saved);
  }

  #publishesSettled(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#environment.clock.setTimer(CLOSE_TIMEOUT_MS, resolve);
      void this.#publishesDrained().then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #publishesDrained(): Promise<void> {
    await this.#publishing?.catch(() => undefined);
    await this.#publisher?.drained();
  }

  /** Publishing comes in a file of its own, as most pages only read. */
  #loadPublishing(): Promise<Publishing> {
    this.#publishing ??= import('./publishing.ts').then(
      ({ Publisher, recordWork, batchWork }) => {
        const { random } = this.#environment;
        const publisher = new Publisher(random, this.#session ?? newSession(random));
        this.#publisher = publisher;
        const link = this.#link;
        if (link !== null) {
          publisher.attach(link.welcome, link.send);
          publisher.credit(link);
        }
        if (this.#isLeaving) publisher.hold();
        if (this.state === 'closed') publisher.end(this.#end ?? clientError('closed'));
        return { publisher, recordWork, batchWork };
      },
      (error: unknown) => {
        this.#publishing = null;
        throw clientError('the publisher did not load', error);
      },
    );
    return this.#publishing;
  }

  #assertOpen(): void {
    if (this.#end !== null) throw this.#end;
  }

  // ---- the connection

  #hello(): FrameFields<'hello'> {
    this.#session = this.#publisher?.session() ?? newSession(this.#environment.random);
    return {
      kind: 'hello',
      client: CLIENT_NAME,
      caps: CAPS,
      codecs: this.#codecs,
      credit: this.#connectionWindow.begin(),
      producerSession: this.#session,
    };
  }

  #ready(connection: Connection, welcome: Welcome): boolean {
    const send = connection.send.bind(connection);
    if (this.#publisher?.attach(welcome, send) === false) return false;
    const dropped = (bytes: number): void => {
      this.#connectionWindow.receive(bytes);
      this.#connectionWindow.finish(bytes);
    };
    const link = new Link(welcome, send, dropped, this.#environment.clock);
    this.#link = link;
    this.#isLeaving = false;
    this.#connectionWindow.open((add) => void send({ kind: 'credit', sub: 0, add }));
    this.#pinger.attach(send);
    for (const subscription of this.#subscriptions) void subscription.attach(link);
    return true;
  }

  #lost(): void {
    const link = this.#link;
    this.#link = null;
    this.#connectionWindow.close();
    this.#publisher?.detach();
    this.#pinger.detach();
    for (const subscription of this.#subscriptions) subscription.detach();
    link?.end();
  }

  #fail(error: GatewayError): void {
    this.#end ??= error;
    for (const subscription of this.#subscriptions) subscription.end(error);
    this.#publisher?.end(error);
    this.#pinger.end(error);
    this.#emitter.emit('error', error);
  }

  /** @throws ProtocolViolation */
  #take(frame: ServerFrame): void {
    if (this.#link?.take(frame) === true) return;
    switch (frame.kind) {
      case 'pubResult':
        if (this.#publisher === null) throw new ProtocolViolation('a result for nothing');
        this.#publisher.result(frame);
        break;
      case 'pubCredit':
        (this.#link as Link).addRecords += frame.addRecords;
        (this.#link as Link).addBytes += frame.addBytes;
        this.#publisher?.credit(frame);
        break;
      case 'pong':
        this.#pinger.pong(frame);
        break;
      case 'tokenExpiring':
        void this.#refreshToken();
        break;
      case 'goaway':
        this.#goaway(frame);
        break;
      case 'error':
        this.#emitter.emit('error', refusalError(frame));
    }
  }

  #goaway(frame: Goaway): void {
    const { code, reconnectAfterMs, closesInMs } = frame;
    this.#isLeaving = true;
    this.#publisher?.hold();
    this.#connector.leave(frame, () => this.#publishesDrained());
    this.#emitter.emit('goaway', { code, reconnectAfterMs, closesInMs });
  }

  /** Gets a new token into the present connection, as long as that is there. */
  async #refreshToken(): Promise<void> {
    const { getToken } = this.#options;
    const link = this.#link;
    const { clock, random } = this.#environment;
    const backoff = new Backoff(random, this.#options.reconnect);
    if (getToken === undefined) return;
    while (link !== null && link === this.#link) {
      let askedMs = 0;
      try {
        const token = await getToken('expiring');
        const answer = await new Promise<Answer>((resolve) =>
          link.request((req) => ({ kind: 'auth', req, token }), resolve),
        );
        if (answer?.kind !== 'error') return;
        this.#emitter.emit('error', refusalError(answer));
        if (!answer.retryable) return;
        askedMs = answer.retryAfterMs;
      } catch (error) {
        this.#emitter.emit('error', clientError('no new token came', error));
      }
      await new Promise<void>((resolve) => clock.setTimer(backoff.nextMs(askedMs), resolve));
    }
  }
}

function refusedCommit(answer: Exclude<Answer, null>): GatewayError | null {
  if (answer.kind === 'error') return refusalError(answer);
  if (answer.kind !== 'committed') return new GatewayError(ErrorCode.INTERNAL, 'no answer to it');
  const refused = answer.results.find(({ code }) => code !== ErrorCode.NONE);
  const code = answer.code === ErrorCode.NONE ? (refused?.code ?? ErrorCode.NONE) : answer.code;
  if (code === ErrorCode.NONE) return null;
  return new GatewayError(code, 'the commit was refused', {
    retryable: isRetryable(code),
    ...(refused === undefined ? {} : { partition: refused.partition }),
  });
}
