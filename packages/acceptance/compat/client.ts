/** A record as a client hands it over and gets it back; text, so that tools for terminals can take part. */
export interface WireRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface StoredRecord extends WireRecord {
  readonly partition: number;
  readonly offset: number;
}

export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof CODECS)[number];

export interface ProduceOptions {
  readonly codec?: Codec;
  readonly idempotent?: boolean;
}

/** One member of a consumer group, in a process of its own, that commits only when told to. */
export interface Member {
  /** Partitions it has now; `undefined` until it was given an assignment. */
  assigned(): Promise<readonly number[] | undefined>;
  /** Every record it was handed since it joined. */
  consumed(): Promise<readonly StoredRecord[]>;
  /** Commits what it consumed. A tool that can only commit as it leaves does it then. */
  commit(): Promise<void>;
  /** Leaves the group in order. */
  leave(): Promise<void>;
  /** Dies without a word. */
  kill(): Promise<void>;
}

/** What every check is written against: one client library or tool, pointed at one broker. */
export interface Client {
  createTopic(topic: string, partitionCount: number): Promise<void>;
  /** Sends records and waits until all are acknowledged (acks=all); the key decides the partition. */
  produce(topic: string, records: readonly WireRecord[], options?: ProduceOptions): Promise<void>;
  /** Reads `count` records from the start of a topic, without a group. */
  consume(topic: string, partitionCount: number, count: number): Promise<readonly StoredRecord[]>;
  join(group: string, topic: string): Promise<Member>;
  close(): Promise<void>;
}

/** A client under test. One file per driver in `clients/`. */
export interface ClientDriver {
  readonly name: string;
  /** Checks that the tool has no feature for, each with the reason. */
  readonly lacks: Readonly<Partial<Record<string, string>>>;
  /**
   * Points the client at a broker.
   *
   * @throws MissingTool when this machine does not have it.
   */
  open(bootstrap: string): Promise<Client>;
}
