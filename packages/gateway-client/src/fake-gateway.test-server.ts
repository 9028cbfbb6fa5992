// A gateway in memory that keeps the protocol: starts, credit, resume, publish sessions, commits.
import { ManualClock, type Prng, seededPrng } from '@millrace/base';
import {
  type ClientFrame,
  Codec,
  decodeResumeToken,
  ErrorCode,
  type FrameInput,
  type FrameOf,
  jsonRecords,
  Outcome,
  recordsFrame,
  StartKind,
  type StreamInfo,
} from '@millrace/gateway-protocol';
import { GatewayClient } from './client.ts';
import type { Environment } from './environment.ts';
import { answerOf, LIMITS, type ProducerSession, skipOf } from './fake-answers.test-server.ts';
import { type FakeBlock, FakeLog } from './fake-log.test-server.ts';
import { FakeSocket, LATENCY_MS } from './fake-socket.test-server.ts';
import type { ClientOptions, WebSocketConstructor } from './options.ts';

const ALL_CAPS = 127;
const CLUSTER_TAG = 7;

export interface FakeTopic {
  id: Uint8Array;
  readonly logs: FakeLog[];
}

interface Cursor {
  readonly stream: number;
  readonly log: FakeLog;
  next: number;
  isTold: boolean;
}

interface Sub {
  readonly sub: number;
  readonly cursors: Cursor[];
  credit: number;
  isPaused: boolean;
}

/** One connection as the fake gateway sees it. */
export interface Peer {
  readonly socket: FakeSocket;
  readonly subs: Map<number, Sub>;
  credit: number;
  session: string;
}

export class FakeGateway {
  readonly clock = new ManualClock();
  readonly topics = new Map<string, FakeTopic>();
  readonly peers = new Map<FakeSocket, Peer>();
  /** Every socket there ever was. */
  readonly sockets: FakeSocket[] = [];
  readonly commits = new Map<string, readonly { partition: number; offset: number }[]>();
  sessions = new Map<string, ProducerSession>();
  /** Records of one block. */
  blockRecords = 10;
  codec: number = Codec.NONE;
  /** Compresses a block, for `codec`. */
  compress: (packed: Uint8Array) => Uint8Array = (packed) => packed;
  /** Takes a frame away from the gateway: true = dealt with. */
  intercept: (peer: Peer, frame: ClientFrame) => boolean = () => false;
  /** What becomes of a new socket; the default lets it in. */
  admit: (socket: FakeSocket) => void = (socket) => socket.accept();
  welcome: Partial<FrameOf<'welcome'>> = {};
  /** Caused by the page: the network is back, or somebody looks. */
  wake: () => void = () => undefined;
  /** Timers of the client fire so much too early. */
  earlyMs = 0;
  readonly #open = new Set<FakeSocket>();
  #lastStream = 0;

  readonly environment: Environment;
  #sleptMs = 0;

  constructor(random: Prng = seededPrng(1)) {
    const { clock } = this;
    this.environment = {
      clock: {
        nowMs: () => clock.nowMs() + this.#sleptMs,
        monotonicMs: () => clock.monotonicMs() + this.#sleptMs,
        setTimer: (delayMs, fn) => clock.setTimer(Math.max(0, delayMs - this.earlyMs), fn),
      },
      random,
      onWake: (listener) => {
        this.wake = listener;
        return () => {
          this.wake = () => undefined;
        };
      },
    };
  }

  client(options: Partial<ClientOptions> = {}): GatewayClient {
    const gateway = this;
    const WebSocket = function fake(url: string, protocols: string[]) {
      const socket = new FakeSocket(url, protocols, gateway.clock, gateway);
      gateway.sockets.push(socket);
      gateway.#open.add(socket);
      return socket;
    } as unknown as WebSocketConstructor;
    return new GatewayClient(
      { url: 'ws://gateway/v1/ws', WebSocket, ...options },
      this.environment,
    );
  }

  topic(name: string, partitions = 1): FakeTopic {
    const id = new Uint8Array(16).fill(this.topics.size + 1);
    const topic = { id, logs: Array.from({ length: partitions }, () => new FakeLog()) };
    this.topics.set(name, topic);
    return topic;
  }

  /** The page is frozen: its clock goes on, its timers do not. */
  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  /** Moves virtual time on, with everything that follows from it. */
  async run(ms = 10): Promise<void> {
    // A module that is loaded, and what the platform inflates, take turns of the event loop.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.clock.advanceAsync(ms, LATENCY_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The newest connection. */
  get socket(): FakeSocket {
    return this.sockets[this.sockets.length - 1] as FakeSocket;
  }

  /** Frames of one kind that came over the newest connection. */
  got<K extends ClientFrame['kind']>(kind: K): FrameOf<K>[] {
    return this.socket.received.filter((frame) => frame.kind === kind) as FrameOf<K>[];
  }

  // ---- sockets

  opened(socket: FakeSocket): void {
    this.admit(socket);
  }

  closed(socket: FakeSocket): void {
    this.#open.delete(socket);
    this.peers.delete(socket);
  }

  frame(socket: FakeSocket, frame: ClientFrame): void {
    const known = this.peers.get(socket);
    const peer = known ?? { socket, subs: new Map(), credit: 0, session: '' };
    this.peers.set(socket, peer);
    if (this.intercept(peer, frame)) return;
    switch (frame.kind) {
      case 'hello':
        this.#hello(peer, frame);
        break;
      case 'subscribe':
        this.#subscribe(peer, frame);
        break;
      case 'credit':
        this.#credit(peer, frame);
        break;
      case 'pause':
      case 'resume': {
        const sub = peer.subs.get(frame.sub);
        if (sub !== undefined) sub.isPaused = frame.kind === 'pause';
        break;
      }
      case 'unsubscribe':
        peer.subs.delete(frame.sub);
        this.send(peer, { kind: 'unsubscribed', req: frame.req, sub: frame.sub });
        break;
      case 'publish':
        this.publish(peer, frame);
        break;
      case 'commit':
        this.commits.set(
          frame.name ?? '',
          frame.offsets.map(({ partition, offset }) => ({ partition, offset: Number(offset) })),
        );
        this.send(peer, { kind: 'committed', req: frame.req });
        break;
      case 'auth':
        this.send(peer, { kind: 'authOk', req: frame.req });
        break;
      case 'ping':
        this.send(peer, {
          kind: 'pong',
          nonce: frame.nonce,
          sentMs: frame.sentMs,
          receivedMs: BigInt(Math.trunc(this.clock.nowMs())),
        });
    }
    this.pump();
  }

  send(peer: Peer, ...frames: FrameInput[]): void {
    peer.socket.deliver(frames);
  }

  #hello(peer: Peer, frame: FrameOf<'hello'>): void {
    peer.credit = frame.credit === 0 ? 1 << 20 : frame.credit;
    peer.session = [...(frame.producerSession ?? [])].join();
    this.send(peer, {
      kind: 'welcome',
      connection: 'c',
      node: 'n',
      caps: ALL_CAPS,
      limits: LIMITS,
      pingIntervalMs: 25_000,
      pongGraceMs: 8_000,
      serverTimeMs: BigInt(Math.trunc(this.clock.nowMs())),
      clusterTag: CLUSTER_TAG,
      publishRecords: 64,
      publishBytes: 262_144,
      sessionLastSeq: BigInt(this.sessions.get(peer.session)?.last ?? -1),
      ...this.welcome,
    });
  }

  #credit(peer: Peer, { sub, add }: FrameOf<'credit'>): void {
    const owner = sub === 0 ? peer : peer.subs.get(sub);
    if (owner !== undefined) owner.credit += add;
  }

  // ---- subscriptions

  #subscribe(peer: Peer, frame: FrameOf<'subscribe'>): void {
    const topic = this.topics.get(frame.topic ?? '');
    if (topic === undefined) {
      const { req } = frame;
      this.send(peer, { kind: 'error', id: req, code: ErrorCode.FORBIDDEN, message: 'forbidden' });
      return;
    }
    const credit = frame.credit === 0 ? 262_144 : frame.credit;
    const sub: Sub = { sub: frame.sub, cursors: [], credit, isPaused: false };
    peer.subs.set(frame.sub, sub);
    const streams: StreamInfo[] = [];
    const gaps: FrameInput[] = [];
    for (const [partition, log] of topic.logs.entries()) {
      if (frame.partitions.length > 0 && !frame.partitions.includes(partition)) continue;
      const stream = ++this.#lastStream;
      const info = this.#start(frame, topic, partition, log, stream);
      streams.push(info);
      if (info.outcome === Outcome.PENDING) continue;
      const skip = skipOf(frame, info);
      const next = Number(skip?.toOffset ?? info.startOffset);
      sub.cursors.push({ stream, log, next, isTold: false });
      if (skip !== null) gaps.push({ kind: 'gap', stream, ...skip });
    }
    const { req } = frame;
    this.send(peer, { kind: 'subscribed', req, sub: frame.sub, topicId: topic.id, streams });
    if (gaps.length > 0) this.send(peer, ...gaps);
  }

  #start(
    frame: FrameOf<'subscribe'>,
    topic: FakeTopic,
    partition: number,
    log: FakeLog,
    stream: number,
  ): StreamInfo {
    const token = frame.resume === null ? null : decodeResumeToken(frame.resume);
    const listed = (token?.positions ?? frame.offsets).find((p) => p.partition === partition);
    const wanted =
      listed !== undefined
        ? Number(listed.offset)
        : frame.start === StartKind.LATEST
          ? log.end
          : frame.start === StartKind.LAST_N
            ? Math.max(log.logStart, log.end - frame.lastN)
            : log.logStart;
    const facts = {
      stream,
      partition,
      code: 0,
      leaderEpoch: log.epoch,
      logStart: BigInt(log.logStart),
      highWatermark: BigInt(log.end),
      startOffset: BigInt(wanted),
      lostFrom: -1n,
      lostTo: -1n,
    };
    if (!log.hasLeader) return { ...facts, outcome: Outcome.PENDING, startOffset: -1n };
    const wantedId = token?.topicId ?? frame.topicId ?? topic.id;
    const isRecreated = wantedId.join() !== topic.id.join();
    if (isRecreated)
      return { ...facts, outcome: Outcome.RECREATED, startOffset: BigInt(log.logStart) };
    const divergence = listed === undefined ? null : log.divergence(listed);
    if (divergence !== null)
      return {
        ...facts,
        outcome: Outcome.DIVERGED,
        startOffset: BigInt(divergence),
        lostFrom: BigInt(divergence),
        lostTo: BigInt(wanted),
      };
    if (wanted < log.logStart)
      return {
        ...facts,
        outcome: Outcome.GAP,
        lostFrom: BigInt(wanted),
        lostTo: BigInt(log.logStart),
      };
    return { ...facts, outcome: Outcome.EXACT };
  }

  /** Sends everybody what there is and their credit allows. */
  pump(): void {
    for (const peer of this.peers.values()) {
      for (const sub of peer.subs.values())
        for (const cursor of sub.cursors) this.#deliver(peer, sub, cursor);
    }
  }

  #deliver(peer: Peer, sub: Sub, cursor: Cursor): void {
    while (!sub.isPaused && sub.credit > 0 && peer.credit > 0) {
      const block = cursor.log.block(cursor.next, this.blockRecords);
      if (block === null) break;
      const charge = this.#sendBlock(peer, cursor, block);
      sub.credit -= charge;
      peer.credit -= charge;
      cursor.next = block.next;
    }
    if (cursor.isTold || cursor.next !== cursor.log.end) return;
    cursor.isTold = true;
    this.send(peer, { kind: 'caughtUp', stream: cursor.stream, offset: BigInt(cursor.next) });
  }

  /** Returns its credit charge. */
  #sendBlock(peer: Peer, { stream, log }: Cursor, block: FakeBlock): number {
    const header = {
      stream,
      count: block.count,
      fromOffset: block.from,
      nextOffset: block.next,
      highWatermark: log.end,
      baseTimestamp: block.baseTimestamp,
      leaderEpoch: block.epoch,
      flags: 0,
      part: 0,
      parts: 1,
      codec: this.codec,
      rawSize: block.packed.length,
    };
    if (!peer.socket.isJson) {
      peer.socket.deliverRaw(recordsFrame(header, this.compress(block.packed)));
      return header.rawSize;
    }
    let charge = 0;
    for (const piece of jsonRecords(header, block.packed)) {
      if (piece.kind !== 'text') throw new Error(`a ${piece.kind} piece`);
      peer.socket.deliverRaw(new TextDecoder().decode(piece.bytes));
      charge += piece.bytes.length;
    }
    return charge;
  }

  // ---- publish

  /** Appends and answers, as §15.2 says; `isLost` keeps the answer back. */
  publish(peer: Peer, frame: FrameOf<'publish'>, isLost = false): void {
    const seq = Number(frame.seq);
    const session = this.sessions.get(peer.session);
    const known = session?.results.get(seq);
    let answer: Partial<FrameOf<'pubResult'>>;
    if (known !== undefined) {
      answer = { ...answerOf(known), duplicate: true };
    } else if (session === undefined ? frame.retry : seq <= session.last) {
      answer = { code: ErrorCode.UNKNOWN_OUTCOME };
    } else if (session !== undefined && seq > session.last + 1) {
      answer = { code: ErrorCode.SEQUENCE_GAP };
    } else {
      const state = session ?? { last: 0, results: new Map() };
      this.sessions.set(peer.session, state);
      const partition = Math.max(0, frame.partition);
      const log = this.topics.get(frame.topic ?? '')?.logs[partition] as FakeLog;
      const decode = (bytes: Uint8Array | null): string | null =>
        bytes === null ? null : new TextDecoder().decode(bytes);
      const offset = log.append(decode(frame.value), decode(frame.key));
      state.last = seq;
      state.results.set(seq, { partition, offset });
      answer = answerOf({ partition, offset });
    }
    if (!isLost) this.send(peer, { kind: 'pubResult', seq: frame.seq, ...answer });
  }

  /** Every line breaks. */
  dropAll(code: number = 1006): void {
    for (const socket of this.#open) socket.drop(code);
  }
}
