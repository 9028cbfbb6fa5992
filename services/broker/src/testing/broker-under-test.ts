import { createLogger } from '@millrace/base';
import {
  type Engine,
  MemoryDisk,
  openMemoryEngine,
  openNativeEngine,
  type ReactorOptions,
} from '@millrace/engine';
import { createTopicsApi } from '@millrace/protocol';
import { type RunningBroker, startBroker } from '../broker.ts';
import { RawClient } from './raw-client.ts';

/** A body of the engine that the tests run on. */
export interface EngineBody {
  readonly name: string;
  /** Engines opened one after the other find what the last one left. */
  readonly make: () => (options: ReactorOptions) => Engine;
}

const memory: EngineBody = {
  name: 'memory',
  make: () => {
    const disk = new MemoryDisk();
    return (options) => openMemoryEngine(options, disk);
  },
};

/** Every body of the engine. */
export const engineBodies: readonly EngineBody[] = [
  memory,
  { name: 'native', make: () => openNativeEngine },
];

/** A broker with what a test needs of it; `close` when done. */
export class BrokerUnderTest {
  readonly broker: RunningBroker;
  readonly logLines: string[];
  readonly #clients: RawClient[] = [];

  private constructor(broker: RunningBroker, logLines: string[]) {
    this.broker = broker;
    this.logLines = logLines;
  }

  static async start(
    openEngine: (options: ReactorOptions) => Engine,
    overrides: readonly string[] = [],
  ): Promise<BrokerUnderTest> {
    const logLines: string[] = [];
    const broker = await startBroker({
      overrides,
      openEngine,
      logger: createLogger({ level: 'warn', sink: (line) => void logLines.push(line) }),
    });
    return new BrokerUnderTest(broker, logLines);
  }

  async client(): Promise<RawClient> {
    const client = await RawClient.connect(this.broker.port);
    this.#clients.push(client);
    return client;
  }

  /** Creates a topic; throws when the broker refuses. */
  async createTopic(
    name: string,
    {
      partitions = 1,
      configs = {},
    }: { partitions?: number; configs?: Record<string, string> } = {},
  ): Promise<string> {
    const client = await this.client();
    const response = await client.call(createTopicsApi, 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 10_000,
      validateOnly: false,
    });
    const [topic] = response.topics;
    if (topic === undefined || topic.errorCode !== 0) {
      throw new Error(`create ${name}: ${topic?.errorCode} ${topic?.errorMessage}`);
    }
    client.close();
    return topic.topicId;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.broker.close();
  }
}
