import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child } from './child.ts';
import { kafkaJavaArguments, runKafkaTool } from './kafka-jars.ts';

const START_TIMEOUT_MS = 120_000;
/** A cluster id in Kafka's form; any will do. */
const CLUSTER_ID = 'bWlsbHJhY2UtcGVlcg0wAA';

export interface KafkaNodeOptions {
  /** Where its server.properties is written. */
  readonly settingsFolder: string;
  readonly dataFolder: string;
  /** All lines of server.properties but `log.dirs`. */
  readonly properties: Readonly<Record<string, string>>;
  /** Heap and collector. */
  readonly jvm: readonly string[];
}

/** One process of Apache Kafka, of whatever roles, that can be killed and started again on its data. */
export class KafkaNode {
  readonly dataFolder: string;
  readonly #jvm: readonly string[];
  readonly #propertiesFile: string;
  #child: Child | undefined;

  constructor({ settingsFolder, dataFolder, properties, jvm }: KafkaNodeOptions) {
    this.dataFolder = dataFolder;
    this.#jvm = jvm;
    this.#propertiesFile = path.join(settingsFolder, 'server.properties');
    mkdirSync(settingsFolder, { recursive: true });
    const lines = Object.entries({ ...properties, 'log.dirs': dataFolder });
    writeFileSync(this.#propertiesFile, lines.map(([key, value]) => `${key}=${value}\n`).join(''));
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error('Apache Kafka is not running');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Formats the data folder when it is new. @param argv beside cluster id and properties. */
  async format(argv: readonly string[]): Promise<void> {
    if (existsSync(path.join(this.dataFolder, 'meta.properties'))) return;
    mkdirSync(this.dataFolder, { recursive: true });
    const all = ['format', ...argv, '-t', CLUSTER_ID, '-c', this.#propertiesFile];
    await runKafkaTool('kafka.tools.StorageTool', all);
  }

  /** Starts it, or starts it again, and waits until it serves. */
  async resume(): Promise<void> {
    const argv = [
      ...this.#jvm,
      ...(await kafkaJavaArguments('INFO')),
      'kafka.Kafka',
      this.#propertiesFile,
    ];
    this.#child = new Child('java', argv);
    await this.#child.saying(/Kafka Server started/, START_TIMEOUT_MS);
  }

  /** Shuts it down in order and keeps the data, for `resume`. */
  async pause(): Promise<void> {
    await this.#child?.stop();
    this.#child = undefined;
  }

  /** Ends it as a power cut would and keeps the data, for `resume`. */
  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#child = undefined;
  }
}
