// What an application does with the SDK. Runs in Node and in a page: nothing of either is used here.
import {
  type ClientOptions,
  GatewayClient,
  type PublishRecord,
  type Subscription,
  UnknownOutcomeError,
} from '@millrace/gateway-client';
import { readMessage, serverLimits } from '@millrace/gateway-protocol';

/** A record as text that can be compared anywhere. */
function line(record: { offset: number; key: Uint8Array | null; text(): string | null }): string {
  const key = record.key === null ? null : new TextDecoder().decode(record.key);
  return JSON.stringify([record.offset, key, record.text()]);
}

async function take(subscription: Subscription, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const block of subscription) {
    // The block that makes it enough is not finished: whoever resumes sees it again.
    if (lines.length >= count) break;
    for (const record of block) lines.push(line(record));
    if (lines.length >= count && block.nextOffset === block.highWatermark) break;
  }
  return lines;
}

/** Publishes, reads back, filters, resumes elsewhere, commits, and starts from the commit. */
export async function roundTrip(
  url: string,
  topic: string,
  protocol: 'binary' | 'json',
): Promise<Record<string, unknown>> {
  const client = new GatewayClient({ url, protocol });
  const records: PublishRecord[] = Array.from({ length: 40 }, (_, i) => ({
    key: i % 3 === 0 ? null : `${i % 2 === 0 ? 'even' : 'odd'}-${i}`,
    value: i % 7 === 0 ? null : `value ${i}`,
    headers: [{ name: 'n', value: `${i}` }],
  }));
  const results = await Promise.all(
    records.map((record) => client.publish(topic, record, { partition: 0 })),
  );
  const first = client.subscribe(topic, { start: 'earliest' });
  const caughtUp = new Promise<number>((resolve) => first.on('caughtUp', (p) => resolve(p.offset)));
  const lines: string[] = [];
  let headers = 0;
  const loop = (async () => {
    for await (const record of first.records()) {
      lines.push(line(record));
      if (record.headers.some(({ name, value }) => name === 'n' && value !== null)) headers++;
    }
  })();
  const end = await caughtUp;
  await client.commit('place', first, [{ partition: 0, offset: 30 }]);
  const token = first.resumeToken();
  await first.close();
  await loop;
  await client.publish(topic, { value: 'after' }, { partition: 0 });
  const resumed = await take(client.subscribe(topic, { start: { resume: token } }), 1);
  const committed = await take(client.subscribe(topic, { start: { committed: 'place' } }), 11);
  const filtered = await take(
    client.subscribe(topic, { start: 'earliest', filter: { key: { prefix: 'odd-' } } }),
    13,
  );
  const { roundTripMs } = await client.ping();
  await client.close();
  return {
    offsets: results.map(({ offset }) => offset),
    lines,
    headers,
    end,
    resumed,
    committed: committed.length,
    filtered: filtered.length,
    isTimed: roundTripMs >= 0,
  };
}

/** Reads `count` records from the start with one codec on offer; says which codecs came. */
export async function readWithCodec(
  url: string,
  topic: string,
  codec: 'none' | 'lz4' | 'deflate-raw' | 'zstd',
  count: number,
): Promise<{ codecs: number[]; bytes: number; sum: number }> {
  const codecs = new Set<number>();
  const Spy = class extends WebSocket {
    override set onmessage(listener: ((event: MessageEvent) => void) | null) {
      super.onmessage = (event: MessageEvent) => {
        const bytes = new Uint8Array(event.data as ArrayBuffer);
        const reading = readMessage(bytes, 'toClient', serverLimits);
        for (const frame of reading.ok ? reading.frames : [])
          if (frame.kind === 'records') codecs.add(frame.codec);
        listener?.(event);
      };
    }
  };
  const options = { url, codecs: [codec], WebSocket: Spy } as unknown as ClientOptions;
  const client = new GatewayClient(options);
  let bytes = 0;
  let sum = 0;
  let left = count;
  for await (const { value } of client.subscribe(topic, { start: 'earliest' }).records()) {
    bytes += value?.length ?? 0;
    for (const byte of value ?? []) sum = (Math.imul(sum, 31) + byte) | 0;
    if (--left === 0) break;
  }
  await client.close();
  return { codecs: [...codecs], bytes, sum };
}

/** What a reader has seen, against the rule that offsets follow one another. */
export interface Seen {
  /** Next offset of each partition. */
  readonly next: Record<string, number>;
  readonly records: number;
  readonly duplicates: number;
  readonly lost: number;
  readonly gaps: number;
  readonly connections: number;
  readonly state: string;
  readonly ended: string | null;
  /** When its connection was ready, and when the page came online, by the page's own clock. */
  readonly readyAtMs: readonly number[];
  readonly onlineAtMs: number;
}

/** A client that reads a topic to its end and goes on, whatever happens to its connections. */
export class Reader {
  readonly #client: GatewayClient;
  readonly #subscription: Subscription;
  readonly #next: Record<string, number> = {};
  #records = 0;
  #duplicates = 0;
  #lost = 0;
  #gaps = 0;
  #ended: string | null = null;
  readonly #readyAtMs: number[] = [];
  #onlineAtMs = 0;

  constructor(url: string | readonly string[], topic: string, more: Partial<ClientOptions> = {}) {
    this.#client = new GatewayClient({ url, reconnect: { baseMs: 20, capMs: 300 }, ...more });
    this.#client.on('state', (state) => {
      if (state === 'ready') this.#readyAtMs.push(performance.now());
    });
    const page = globalThis as { addEventListener?(event: string, listener: () => void): void };
    page.addEventListener?.('online', () => {
      this.#onlineAtMs = performance.now();
    });
    this.#subscription = this.#client.subscribe(topic, { start: 'earliest', windowBytes: 65_536 });
    this.#subscription.on('gap', () => this.#gaps++);
    this.#read().catch((error: unknown) => {
      this.#ended = String(error);
    });
  }

  get seen(): Seen {
    return {
      next: { ...this.#next },
      records: this.#records,
      duplicates: this.#duplicates,
      lost: this.#lost,
      gaps: this.#gaps,
      connections: this.#readyAtMs.length,
      state: this.#subscription.state,
      ended: this.#ended,
      readyAtMs: this.#readyAtMs,
      onlineAtMs: this.#onlineAtMs,
    };
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #read(): Promise<void> {
    for await (const block of this.#subscription) {
      for (const { offset } of block) {
        const expected = this.#next[block.partition] ?? 0;
        if (offset < expected) this.#duplicates++;
        if (offset > expected) this.#lost += offset - expected;
        this.#next[block.partition] = offset + 1;
        this.#records++;
      }
    }
  }
}

/** Publishes one after the other until it is stopped, and knows what became of each. */
export class Writer {
  readonly #client: GatewayClient;
  readonly #topic: string;
  #isStopped = false;
  readonly appended: string[] = [];
  readonly unknown: string[] = [];
  readonly failed: string[] = [];
  readonly done: Promise<void>;

  constructor(url: string | readonly string[], topic: string) {
    this.#client = new GatewayClient({ url, reconnect: { baseMs: 20, capMs: 300 } });
    this.#topic = topic;
    this.done = this.#write();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.done;
    await this.#client.close();
  }

  async #write(): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const value = `${n}`;
      try {
        await this.#client.publish(this.#topic, { value }, { partition: 0 });
        this.appended.push(value);
      } catch (error) {
        if (error instanceof UnknownOutcomeError) this.unknown.push(value);
        else this.failed.push(String(error));
      }
    }
  }
}
