import { randomBytes } from 'node:crypto';
import { PackedRecordsReader } from '@millrace/gateway-protocol';
import { FrameClient } from '@millrace/testing';

/** An honest client of a gateway that must be served whatever the others do. */
export class GatewayCanary {
  readonly #client: FrameClient;
  readonly #topic: string;
  #serial = 1;

  private constructor(client: FrameClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  /** @param topic has one partition and is the canary's own. */
  static async open(port: number, topic: string): Promise<GatewayCanary> {
    const client = await FrameClient.open(port);
    client.send({ kind: 'hello', caps: 127, client: 'canary', producerSession: randomBytes(16) });
    await client.take('welcome');
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic, start: 1 });
    await client.take('subscribed');
    return new GatewayCanary(client, topic);
  }

  /** Publishes a record and reads it; how long that took, in ms. @throws Error when it does not come. */
  async sing(): Promise<number> {
    const startedAt = performance.now();
    const client = this.#client;
    const serial = this.#serial++;
    const value = new TextEncoder().encode(`song ${serial}`);
    client.send({ kind: 'publish', seq: BigInt(serial), topic: this.#topic, partition: 0, value });
    const { code } = await client.take('pubResult');
    if (code !== 0) throw new Error(`canary: publish answered with ${code}`);
    const frame = await client.take('records');
    client.send({ kind: 'credit', sub: 1, add: frame.rawSize });
    client.send({ kind: 'credit', sub: 0, add: frame.rawSize });
    const reader = new PackedRecordsReader(frame.payload ?? new Uint8Array(0), {
      count: frame.count,
      fromOffset: Number(frame.fromOffset),
      nextOffset: Number(frame.nextOffset),
      baseTimestamp: Number(frame.baseTimestamp),
    });
    reader.next();
    if (!Buffer.from(reader.value ?? []).equals(value)) throw new Error('canary: another song');
    client.frames.length = 0;
    return performance.now() - startedAt;
  }

  close(): void {
    this.#client.socket.close();
  }
}
