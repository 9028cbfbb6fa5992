import { type Clock, type Logger, ManualClock, silentLogger } from '@millrace/base';
import { Codec, Isolation, Policy, Projection } from '@millrace/gateway-protocol';
import { createGatewayMetrics } from '../../metrics.ts';
import type { PartitionSource } from '../../upstream.ts';
import { MemorySocketServer } from '../../ws/memory-socket-server.ts';
import type { Socket } from '../../ws/socket-server.ts';
import type { Cursor, CursorOptions } from '../contract.ts';
import { type FanOutSettings, StreamFanOut } from '../fan-out.ts';
import { ModelSource } from './model-source.ts';
import { Reader, SeenStream } from './reader.ts';

const SETTINGS: FanOutSettings = {
  ringPartitionBytes: 1 << 20,
  ringTotalBytes: 4 << 20,
  feedLingerMs: 30_000,
  coldCacheBytes: 4 << 20,
  coldConcurrency: 8,
  coldEgressRatio: 0.3,
  conflateMaxKeys: 1000,
  conflateMaxBytes: 1 << 20,
  conflateTotalBytes: 4 << 20,
  tickMs: 1,
  tickBudgetMs: 4,
  recordMaxBytes: 1 << 20,
  skipUnreadable: false,
  compressionMinBytes: 512,
  socketStallMs: 30_000,
};

export interface RealWorld {
  readonly source: PartitionSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A fan-out over a model log, with clients in memory and time that stands still. */
export class Bench {
  readonly clock = new ManualClock();
  readonly source = new ModelSource();
  readonly metrics = createGatewayMetrics().families;
  readonly fanOut: StreamFanOut;
  stuckCount = 0;
  readonly #server: MemorySocketServer;
  #opened: Socket | null = null;
  readonly #readers = new Map<Socket, Reader>();

  /** @param real instead of the model log and of time that stands still. */
  constructor(settings: Partial<FanOutSettings> = {}, real: RealWorld | null = null) {
    const clock = real?.clock ?? this.clock;
    this.fanOut = new StreamFanOut({
      settings: { ...SETTINGS, ...settings },
      source: real?.source ?? this.source,
      clock,
      log: real?.log ?? silentLogger,
      metrics: this.metrics,
      defer: (work) => void clock.setTimer(0, work),
      onStuck: () => {
        this.stuckCount++;
      },
    });
    this.#server = new MemorySocketServer({
      messageBytesMax: 65_536,
      handlers: {
        upgrade: () => ({ accept: 'x' }),
        open: (socket) => {
          this.#opened = socket;
        },
        message: () => {},
        drain: (socket) => this.#wake(socket),
        close: (socket) => {
          const reader = this.#readers.get(socket);
          if (reader !== undefined) this.fanOut.detachAll(reader);
        },
        dropped: () => {},
      },
    });
    void this.#server.listen({ host: '', port: 0 });
  }

  connect(isText = false, principalKey = 'p'): Reader {
    let reader: Reader | null = null;
    const connection = this.#server.connect(
      {},
      { onMessage: (message) => reader?.receive(message) },
    );
    if (!('client' in connection)) throw new Error('refused');
    const socket = this.#opened as Socket;
    reader = new Reader(socket, connection.client, isText, principalKey);
    const connected = reader;
    reader.wake = () => this.fanOut.wake(connected);
    this.#readers.set(socket, reader);
    return reader;
  }

  attach(reader: Reader, options: Partial<CursorOptions> = {}): Cursor {
    const cursor = this.fanOut.attach(reader, this.options(reader, options), reader);
    reader.streams.set(cursor.streamId, new SeenStream(cursor.nextOffset));
    return cursor;
  }

  options(reader: Reader, options: Partial<CursorOptions>): CursorOptions {
    return {
      topic: 'topic',
      topicId: this.source.topicId,
      partition: 0,
      lane: 0,
      encoding: reader.isText ? 'json' : 'fb',
      projection: Projection.ALL,
      isolation: Isolation.COMMITTED,
      codec: Codec.NONE,
      filter: null,
      showWatermark: true,
      policy: Policy.PAUSE,
      rate: null,
      maxWaitMs: 0,
      maxLagMs: 0,
      startOffset: 0,
      startEpoch: -1,
      snapshot: false,
      window: { bytes: 1 << 30 },
      ...options,
    };
  }

  /** Lets so much time pass, answers and ticks included. */
  async pass(ms = 20): Promise<void> {
    await this.clock.advanceAsync(ms, Math.max(1, ms / 50));
  }

  close(): void {
    this.fanOut.close();
  }

  #wake(socket: Socket): void {
    const reader = this.#readers.get(socket);
    if (reader !== undefined) this.fanOut.wake(reader);
  }
}
