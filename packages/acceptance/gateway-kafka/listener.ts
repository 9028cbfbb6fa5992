// One subscription, heard frame by frame: every frame has to begin where the one before ended.
import assert from 'node:assert/strict';
import {
  ErrorCode,
  type Frame,
  type FrameFields,
  Outcome,
  PackedRecordsReader,
  type Records,
  type StreamInfo,
} from '@millrace/gateway-protocol';
import { FrameClient } from '@millrace/testing';
import type { LoggedRecord } from './kafka-oracle.ts';

/** More than any check delivers, so that credit is no subject of it. */
const PLENTY = 12_000_000;
const ALL_CAPS = 31;
const PATIENCE_MS = 60_000;
const decoder = new TextDecoder();

/** A WebSocket after Welcome. */
export async function connect(port: number, isText: boolean): Promise<FrameClient> {
  const client = await FrameClient.open(port, isText);
  client.send({ kind: 'hello', caps: ALL_CAPS, credit: PLENTY });
  await client.take('welcome');
  return client;
}

/** One stream of a subscription. */
export class HeardStream {
  /** As told last. */
  info: StreamInfo;
  /** Every outcome it was told, in order; an `Outcome` each. */
  readonly outcomes: number[];
  /** Where it stands; -1 before it has a position. */
  position = -1;
  readonly records: LoggedRecord[] = [];
  readonly gaps: { readonly from: number; readonly to: number; readonly reason: number }[] = [];
  /** Number of `records` at each CaughtUp. */
  readonly caughtUpAt: number[] = [];

  constructor(info: StreamInfo) {
    this.info = info;
    this.outcomes = [];
    this.tell(info);
  }

  /** A Subscribed or StreamStates says where it stands. */
  tell(info: StreamInfo): void {
    this.info = info;
    this.outcomes.push(info.outcome);
    if (info.outcome === Outcome.PENDING || info.outcome === Outcome.FAILED) return;
    this.position = Number(info.startOffset);
  }

  take(frame: Records): void {
    this.#goOn('records', frame.fromOffset, frame.nextOffset);
    const reader = new PackedRecordsReader(frame.payload ?? new Uint8Array(0), {
      count: frame.count,
      fromOffset: Number(frame.fromOffset),
      nextOffset: Number(frame.nextOffset),
      baseTimestamp: Number(frame.baseTimestamp),
    });
    while (reader.next()) {
      const { offset, timestamp: timestampMs, key, value } = reader;
      const headers = reader.headers.map(
        ({ name, value: held }) => [name ?? '', text(held)] as const,
      );
      this.records.push({ offset, timestampMs, key: text(key), value: text(value), headers });
    }
  }

  gap(fromOffset: bigint, toOffset: bigint, reason: number): void {
    this.#goOn('gap', fromOffset, toOffset);
    this.gaps.push({ from: Number(fromOffset), to: Number(toOffset), reason });
  }

  progress(offset: number): void {
    assert.ok(offset >= this.position, `progress from ${this.position} to ${offset}`);
    this.position = offset;
  }

  #goOn(what: string, from: bigint, to: bigint): void {
    assert.equal(Number(from), this.position, `${what} begin where the stream stands`);
    this.position = Number(to);
  }
}

/** A subscription of a client that has no other at the same time. */
export class Listener {
  readonly client: FrameClient;
  readonly sub: number;
  readonly streams = new Map<number, HeardStream>();
  /** The `ErrorCode` of Unsubscribed; null while it lives. */
  endCode: number | null = null;
  resume: Uint8Array | null = null;

  constructor(client: FrameClient, sub: number) {
    this.client = client;
    this.sub = sub;
  }

  /** Sends Subscribe and waits until its streams are known, each perhaps PENDING. */
  static async on(
    client: FrameClient,
    asked: Omit<FrameFields<'subscribe'>, 'kind' | 'req'> & { readonly sub: number },
  ): Promise<Listener> {
    const listener = new Listener(client, asked.sub);
    client.send({ kind: 'subscribe', req: asked.sub, credit: PLENTY, ...asked });
    await listener.until(() => listener.streams.size > 0 || listener.endCode !== null);
    return listener;
  }

  /** The stream of a partition. */
  of(partition: number): HeardStream {
    const found = [...this.streams.values()].find((stream) => stream.info.partition === partition);
    assert.ok(found, `there is no stream of partition ${partition}`);
    return found;
  }

  /** The stream of partition 0. */
  get only(): HeardStream {
    return this.of(0);
  }

  /** Reads until partition 0 has a position, and returns the stream. */
  async placed(): Promise<HeardStream> {
    await this.until(() => this.only.position >= 0 || this.endCode !== null);
    return this.only;
  }

  /** Reads until partition 0 stands at `offset`, or behind it. */
  async upTo(offset: number): Promise<HeardStream> {
    await this.until(() => this.only.position >= offset);
    return this.only;
  }

  /** Reads frames until `isDone`. @throws Error when that takes too long. */
  async until(isDone: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!isDone()) {
      this.#hear(await this.client.next());
      // Heartbeats go on, whatever else does not come.
      if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${isDone}`);
    }
  }

  /** Ends the subscription. Returns its token. */
  async leave(): Promise<Uint8Array | null> {
    if (this.endCode === null) {
      this.client.send({ kind: 'unsubscribe', req: this.sub + 1_000_000, sub: this.sub });
      await this.until(() => this.endCode !== null);
    }
    return this.resume;
  }

  #hear(frame: Frame): void {
    switch (frame.kind) {
      case 'subscribed':
      case 'streamStates':
        for (const info of frame.streams) this.#tell(info);
        return;
      case 'records':
        this.#stream(frame.stream).take(frame);
        return;
      case 'gap':
        this.#stream(frame.stream).gap(frame.fromOffset, frame.toOffset, frame.reason);
        return;
      case 'progress':
        for (const { stream, offset } of frame.streams)
          this.#stream(stream).progress(Number(offset));
        return;
      case 'caughtUp': {
        const stream = this.#stream(frame.stream);
        stream.caughtUpAt.push(stream.records.length);
        return;
      }
      case 'ping':
        this.client.send({ kind: 'pong', nonce: frame.nonce, sentMs: frame.sentMs });
        return;
      case 'unsubscribed':
        this.endCode = frame.code;
        this.resume = frame.resume;
        return;
      case 'error':
        throw new Error(`error ${frame.code} of ${frame.id}: ${frame.message}`);
      default:
        throw new Error(`an unexpected ${frame.kind}`);
    }
  }

  #tell(info: StreamInfo): void {
    const known = this.streams.get(info.stream);
    if (known === undefined) this.streams.set(info.stream, new HeardStream(info));
    else known.tell(info);
  }

  #stream(id: number): HeardStream {
    const stream = this.streams.get(id);
    assert.ok(stream, `nothing was said of stream ${id}`);
    return stream;
  }
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}

/** The number of an `ErrorCode` with its name, for messages. */
export function codeName(code: number | null): string {
  const name = Object.entries(ErrorCode).find(([, value]) => value === code)?.[0];
  return `${code} ${name ?? ''}`;
}
