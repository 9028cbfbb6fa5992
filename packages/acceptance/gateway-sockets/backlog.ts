import { Producer } from '@millrace/client';
import { StartKind } from '@millrace/gateway-protocol';
import { startTestBroker, type TestBroker } from '@millrace/testing';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { RawClient } from './raw-client.ts';

const TOPIC = 'backlog';
const RECORD_BYTES = 1000;
export const BACKLOG_RECORDS = 12_000;
export const BACKLOG_BYTES = BACKLOG_RECORDS * RECORD_BYTES;
/** More than all of it, so that nobody needs more credit. */
const CREDIT = 16 << 20;

/** Asks for the whole backlog. */
export const EVERYTHING = {
  kind: 'subscribe',
  req: 1,
  sub: 1,
  topic: TOPIC,
  start: StartKind.EARLIEST,
  credit: CREDIT,
} as const;

/** A broker with 12 MB of records in one partition, a gateway before it, and the clients of one test after another. */
export class Backlog {
  readonly gateway: GatewayProcess;
  readonly #broker: TestBroker;
  #clients: RawClient[] = [];

  private constructor(broker: TestBroker, gateway: GatewayProcess) {
    this.#broker = broker;
    this.gateway = gateway;
  }

  /** @param settings of the gateway */
  static async open(settings: readonly string[]): Promise<Backlog> {
    const broker = await startTestBroker();
    const producer = new Producer({ bootstrapServers: broker.bootstrap });
    const record = { topic: TOPIC, partition: 0, value: Buffer.alloc(RECORD_BYTES, 'x') };
    await Promise.all(Array.from({ length: BACKLOG_RECORDS }, () => producer.send(record)));
    await producer.close();
    return new Backlog(broker, await GatewayProcess.start(broker.bootstrap, settings));
  }

  /** A client that has said Hello, and lives until `dismiss`. */
  async welcomed(): Promise<RawClient> {
    const client = await RawClient.welcomed(this.gateway.port, CREDIT);
    this.#clients.push(client);
    return client;
  }

  dismiss(): void {
    for (const client of this.#clients) client.destroy();
    this.#clients = [];
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    await this.#broker.stop();
  }
}
