// One subscriber: handshake, subscription, credit, heartbeat, resume, and the check that frames follow one another.
import { WebSocket } from 'k6/websockets';
import { bytesOf, decodeFrames, eachRecord, encodeFrame, firstKind, text } from './frames.js';
import { decodeJson, eachJsonRecord, encodeJson } from './json.js';
import * as metrics from './metrics.js';

const BINARY = {
  subprotocol: 'millrace.v1.fb',
  encode: encodeFrame,
  decode: decodeFrames,
  each: eachRecord,
  bytes: (data) => data.byteLength,
  isRecords: (data) => firstKind(data) === 'records',
};
const JSON_TEXT = {
  subprotocol: 'millrace.v1.json',
  encode: encodeJson,
  decode: decodeJson,
  each: eachJsonRecord,
  bytes: (data) => data.length,
  isRecords: (data) => data.startsWith('{"t":"records"'),
};

const OPEN = 1;
const OFFSETS = 2;
const CONFLATED = 8;
const SUB = 1;
const WINDOW_BYTES = 4 << 20;
/** The fixed part of a Records frame, which costs no credit. */
const RECORDS_HEAD_BYTES = 128;
const RETRY_MS = 250;
/** A value begins with the moment it was produced, in ms with fractions: 16 characters. */
export const STAMP_LENGTH = 16;

/**
 * Opens a subscriber.
 *
 * options: url, topic, subscribe (more fields of the frame), token, caps,
 *   json (true: the JSON subprotocol), decode (false: only bytes are counted), measure (false: no latencies), onRecord(offset, key, value), onFrame(frame),
 *   onReady(), onClose(code), reconnect (urls to try in turn, resuming), credit (false: none is ever given back)
 */
export class GatewayClient {
  constructor(options) {
    this.options = {
      decode: true,
      measure: true,
      credit: true,
      window: WINDOW_BYTES,
      ...options,
    };
    this.codec = this.options.json === true ? JSON_TEXT : BINARY;
    this.position = -1;
    this.unpaid = 0;
    this.attempt = 0;
    this.closing = false;
    this.open();
  }

  open() {
    const { options } = this;
    const urls = options.reconnect ?? [options.url];
    const url = urls[this.attempt++ % urls.length];
    const origin = options.origin ?? url.replace(/^ws/, 'http').replace(/\/v1.*/, '');
    this.socket = new WebSocket(url, [this.codec.subprotocol], { headers: { Origin: origin } });
    this.socket.binaryType = 'arraybuffer';
    this.socket.addEventListener('open', () => this.hello());
    this.socket.addEventListener('message', (event) => this.message(event));
    // What ends a connection is told by `close`, which follows.
    this.socket.addEventListener('error', () => undefined);
    this.socket.addEventListener('close', (event) => this.closed(event.code ?? 1006));
  }

  hello() {
    if (this.closing) {
      this.socket.close(1000);
      return;
    }
    const { token = null, caps = 0, producerSession = null } = this.options;
    this.send({ kind: 'hello', client: 'k6', token, caps, credit: WINDOW_BYTES, producerSession });
  }

  send(frame) {
    if (this.socket.readyState === OPEN) this.socket.send(this.codec.encode(frame));
  }

  /** Ends it for good. */
  close() {
    this.closing = true;
    if (this.socket.readyState === OPEN) this.socket.close(1000);
  }

  message(event) {
    const { data, timestamp } = event;
    const bytes = this.codec.bytes(data);
    metrics.bytesReceived.add(bytes);
    if (!this.options.decode && this.codec.isRecords(data)) {
      this.pay(Math.max(0, bytes - RECORDS_HEAD_BYTES));
      return;
    }
    for (const frame of this.codec.decode(data)) {
      this.frame(frame, timestamp);
      this.options.onFrame?.(frame);
    }
  }

  frame(frame, timestamp) {
    switch (frame.kind) {
      case 'welcome':
        if (this.options.topic !== undefined) this.subscribe();
        else this.options.onReady?.();
        break;
      case 'subscribed':
      case 'streamStates':
        this.started(frame.streams[0]);
        if (frame.kind === 'subscribed') this.options.onReady?.();
        break;
      case 'records':
        this.records(frame, timestamp);
        break;
      case 'progress':
        this.follows(frame.streams[0].offset, true);
        this.position = frame.streams[0].offset;
        break;
      case 'gap':
        metrics.gaps.add(1);
        this.follows(frame.fromOffset);
        this.position = frame.toOffset;
        break;
      case 'goaway':
        this.leave(frame.reconnectAfterMs);
        break;
      case 'ping':
        this.send({
          kind: 'pong',
          nonce: frame.nonce,
          sentMs: frame.sentMs,
          receivedMs: timestamp,
        });
        break;
    }
  }

  /** Away in time, and on to the next address. */
  leave(afterMs) {
    const { socket } = this;
    setTimeout(() => {
      if (socket.readyState === OPEN) socket.close(1000);
    }, afterMs);
  }

  subscribe() {
    const { topic, subscribe = {} } = this.options;
    const from = this.position;
    const resume =
      from < 0 ? {} : { start: OFFSETS, offsets: [{ partition: 0, offset: from, epoch: -1 }] };
    const credit = this.options.window;
    this.send({ kind: 'subscribe', req: 1, sub: SUB, topic, credit, ...subscribe, ...resume });
  }

  started(stream) {
    if (stream === undefined || stream.startOffset < 0) return;
    if (this.position >= 0) metrics.resumeExact.add(stream.startOffset === this.position);
    this.position = stream.startOffset;
  }

  records(frame, timestamp) {
    const { onRecord, measure } = this.options;
    metrics.records.add(frame.count);
    this.follows(frame.fromOffset, (frame.flags & CONFLATED) !== 0);
    if (frame.part + 1 === frame.parts) this.position = frame.nextOffset;
    this.pay(frame.part === 0 ? (frame.rawSize ?? 0) : 0);
    if (frame.parts > 1) return;
    let first = measure;
    this.codec.each(frame, (offset, key, value) => {
      if (first && value !== null) {
        first = false;
        metrics.endToEndMs.add(timestamp - Number(text(value.subarray(0, STAMP_LENGTH))));
      }
      onRecord?.(offset, key, value, timestamp);
    });
  }

  /** What begins at `from` must begin where the last thing ended; `mayJump`: or later. */
  follows(from, mayJump = false) {
    if (this.position < 0 || from === this.position) return;
    if (from < this.position) metrics.duplicates.add(1);
    else if (!mayJump) metrics.lost.add(1);
  }

  pay(rawBytes) {
    this.unpaid += rawBytes;
    if (!this.options.credit || this.unpaid < WINDOW_BYTES / 4) return;
    this.give(this.unpaid);
    this.unpaid = 0;
  }

  /** Credit for the subscription and for the connection. */
  give(add) {
    this.send({ kind: 'credit', sub: SUB, add });
    this.send({ kind: 'credit', sub: 0, add });
  }

  closed(code) {
    if (this.closing) return;
    this.options.onClose?.(code);
    if (this.options.reconnect === undefined) return;
    this.unpaid = 0;
    // Full jitter, as clients of the real world.
    setTimeout(() => this.open(), (this.options.retryMs ?? RETRY_MS) * Math.random());
  }
}

/** Sockets that are open until the load ends; `make(index)` gives each one's options. */
export function subscribers(count, seconds, make, rampSeconds = Math.min(5, seconds / 5)) {
  const clients = [];
  const stepMs = (1000 * rampSeconds) / count;
  for (let index = 0; index < count; index++)
    setTimeout(() => clients.push(new GatewayClient(make(index))), stepMs * index);
  setTimeout(() => {
    for (const client of clients) client.close();
  }, seconds * 1000);
  return clients;
}

export const KEY_EQ = 0;

/** The nodes of a filter on one key. */
export function keyFilter(key) {
  return [{ op: KEY_EQ, arity: 0, values: [{ data: bytesOf(key) }] }];
}
