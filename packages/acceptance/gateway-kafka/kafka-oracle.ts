import { LineCaller } from '../compat/line-client.ts';
import { newestPython, pythonProgram } from '../compat/programs.ts';

export type IsolationLevel = 'read_committed' | 'read_uncommitted';

/** A record as a Kafka consumer was given it. */
export interface LoggedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

export type NewRecord = Pick<LoggedRecord, 'key' | 'value' | 'timestampMs'>;

/** librdkafka, which tells what a Kafka consumer sees, and writes transactions. Partition 0 throughout. */
export class KafkaOracle {
  readonly #caller: LineCaller;

  private constructor(caller: LineCaller) {
    this.#caller = caller;
  }

  /** @throws MissingTool without confluent-kafka from PyPI. */
  static async open(bootstrap: string): Promise<KafkaOracle> {
    const python = await newestPython('confluent_kafka');
    const caller = new LineCaller(pythonProgram(python, 'kafka_oracle.py'));
    await caller.call('open', { bootstrap });
    return new KafkaOracle(caller);
  }

  /** Where seekToBeginning and seekToEnd lead. */
  async bounds(topic: string, isolation: IsolationLevel): Promise<{ start: number; end: number }> {
    const answer = await this.#caller.call('bounds', { topic, partition: 0, isolation });
    return answer as { start: number; end: number };
  }

  /** offsetsForTimes; -1 for none. */
  async forTime(topic: string, isolation: IsolationLevel, timestampMs: number): Promise<number> {
    const question = { topic, partition: 0, isolation, timestampMs };
    return (await this.#caller.call('forTime', question)) as number;
  }

  /** All records from the beginning to the end of the isolation. */
  async read(topic: string, isolation: IsolationLevel = 'read_committed'): Promise<LoggedRecord[]> {
    return (await this.#caller.call('read', { topic, partition: 0, isolation })) as LoggedRecord[];
  }

  /** What a group has committed; -1 for nothing. */
  async committed(topic: string, group: string): Promise<number> {
    return (await this.#caller.call('committed', { topic, partition: 0, group })) as number;
  }

  /** Begins a transaction under a transactional id and writes to it. */
  async begin(name: string, topic: string, records: readonly NewRecord[]): Promise<void> {
    await this.#caller.call('begin', { name });
    await this.#caller.call('write', { name, topic, partition: 0, records });
  }

  async end(name: string, outcome: 'commit' | 'abort'): Promise<void> {
    await this.#caller.call('end', { name, isCommitted: outcome === 'commit' });
  }

  /** Becomes a member of a group, until `close`. */
  async join(topic: string, group: string): Promise<void> {
    await this.#caller.call('join', { topic, group });
  }

  async close(): Promise<void> {
    await this.#caller.close();
  }
}
