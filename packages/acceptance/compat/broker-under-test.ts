import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApacheKafka, Child, freePort, type TempFolder, tempFolder } from '@millrace/testing';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const START_TIMEOUT_MS = 30_000;

/** The broker that clients are pointed at: ours, or Apache Kafka as the oracle of the harness itself. */
export interface BrokerUnderTest {
  readonly name: string;
  readonly bootstrap: string;
  /** The log directory, for tools that read files. */
  readonly dataFolder: string;
  /** Shuts it down in order. */
  pause(): Promise<void>;
  /** Starts it again on the same port and data. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** Apache Kafka, with the settings that make groups quick. */
export async function startApacheKafka(dataFolder?: string): Promise<BrokerUnderTest> {
  const kafka = await ApacheKafka.start({
    overrides: { 'group.min.session.timeout.ms': '1000' },
    ...(dataFolder === undefined ? {} : { dataFolder }),
  });
  return {
    name: 'Apache Kafka 4.3.1',
    bootstrap: kafka.bootstrap,
    dataFolder: kafka.dataFolder,
    pause: () => kafka.pause(),
    resume: () => kafka.resume(),
    stop: () => kafka.stop(),
  };
}

/** Our broker as users run it: the `millrace broker` command, in a process of its own. */
export async function startMillrace(dataFolder?: string): Promise<BrokerUnderTest> {
  const broker = new Millrace(await freePort(), dataFolder);
  await broker.resume();
  return broker;
}

class Millrace implements BrokerUnderTest {
  readonly name = 'Millrace';
  readonly bootstrap: string;
  readonly dataFolder: string;
  readonly #port: number;
  readonly #folder: TempFolder | undefined;
  #child: Child | undefined;

  constructor(port: number, dataFolder: string | undefined) {
    this.#port = port;
    this.bootstrap = `127.0.0.1:${port}`;
    this.#folder = dataFolder === undefined ? tempFolder('compat') : undefined;
    this.dataFolder = dataFolder ?? path.join(this.#folder?.path ?? '', 'data');
  }

  async resume(): Promise<void> {
    const settings = {
      listeners: `PLAINTEXT://127.0.0.1:${this.#port}`,
      'log.dirs': this.dataFolder,
      'group.initial.rebalance.delay.ms': '0',
      'group.min.session.timeout.ms': '1000',
    };
    const overrides = Object.entries(settings).flatMap(([key, value]) => [
      '--override',
      `${key}=${value}`,
    ]);
    const launcher = path.join(ROOT, 'scripts', 'bootstrap.mjs');
    this.#child = new Child(process.execPath, [launcher, 'millrace', 'broker', ...overrides]);
    await this.#child.saying(new RegExp(`listening on .*:${this.#port}`), START_TIMEOUT_MS);
  }

  async pause(): Promise<void> {
    const exit = await this.#child?.stop();
    // 143: ended by the signal it was sent, as the command says it does.
    if (exit !== undefined && exit.code !== 0 && exit.code !== 143)
      throw new Error(`the broker ended with ${exit.signal ?? exit.code}: ${this.#child?.stderr}`);
    this.#child = undefined;
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
    this.#folder?.remove();
  }
}
