import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, type Finished, runProgram } from './child.ts';
import { freePorts } from './free-port.ts';
import { MissingTool } from './missing-tool.ts';
import { type TempFolder, tempFolder } from './temp-folder.ts';

const PACKAGE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PEER = path.join(PACKAGE, 'peers', 'apache-kafka');
const CACHE = path.resolve(PACKAGE, '../../.cache');

const START_TIMEOUT_MS = 60_000;
const FETCH_TIMEOUT_MS = 300_000;
/** A cluster id in Kafka's form; any will do. */
const CLUSTER_ID = 'bWlsbHJhY2UtcGVlcg0wAA';
/** For the tools: they start often and live shortly. */
const QUICK_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx512m'];
/** As Apache Kafka's own scripts start a broker. */
const AS_SHIPPED = ['-Xmx1G', '-Xms1G', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'];

export interface ApacheKafkaOptions {
  /** Lines of server.properties beside the least that one node needs. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Where the data lies; without it a temporary folder that `stop` removes. */
  readonly dataFolder?: string;
  readonly port?: number;
}

/**
 * The folder of Apache Kafka's jars, fetched with Maven when it is not there yet.
 *
 * @throws MissingTool when there is no Java or no Maven, or Maven cannot fetch them.
 */
export async function apacheKafkaJars(): Promise<string> {
  const pom = path.join(PEER, 'pom.xml');
  const version = /<kafka\.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1];
  const folder = path.join(CACHE, `apache-kafka-${version}`);
  await requireJava();
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const half = `${folder}.${process.pid}.part`;
  const argv = [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${half}`,
  ];
  try {
    await runProgram('mvn', argv, { timeoutMs: FETCH_TIMEOUT_MS });
  } catch (error) {
    throw new MissingTool('Apache Kafka', `Maven could not fetch it: ${(error as Error).message}`);
  }
  if (existsSync(folder)) rmSync(half, { recursive: true });
  else renameSync(half, folder);
  return folder;
}

async function requireJava(): Promise<void> {
  try {
    await runProgram('java', ['-version']);
  } catch {
    throw new MissingTool('java', 'no working Java runtime on the path');
  }
}

/**
 * Runs one main class of Apache Kafka's to its end, against any broker.
 *
 * @throws Error with what it said when it ends with another code than 0 (unless `anyCode`) or too late.
 */
export async function runKafkaTool(
  mainClass: string,
  argv: readonly string[],
  options: Parameters<typeof runProgram>[2] = {},
): Promise<Finished> {
  return runProgram('java', await kafkaToolArguments(mainClass, argv), options);
}

/** Starts one main class of Apache Kafka's that goes on until it is stopped. */
export async function startKafkaTool(mainClass: string, argv: readonly string[]): Promise<Child> {
  return new Child('java', await kafkaToolArguments(mainClass, argv));
}

async function kafkaToolArguments(mainClass: string, argv: readonly string[]): Promise<string[]> {
  return [...QUICK_START, ...(await javaArguments('ERROR')), mainClass, ...argv];
}

async function javaArguments(level: string): Promise<string[]> {
  const jars = await apacheKafkaJars();
  return [
    '-cp',
    path.join(jars, '*'),
    `-Dlog4j2.configurationFile=${path.join(PEER, 'log4j2.xml')}`,
    `-Dmillrace.log.level=${level}`,
  ];
}

/** One Apache Kafka node in KRaft mode, broker and controller, on free ports of the loopback address. */
export class ApacheKafka {
  readonly port: number;
  readonly dataFolder: string;
  readonly #settings: TempFolder;
  readonly #ownsData: boolean;
  #child: Child | undefined;

  private constructor(port: number, dataFolder: string, settings: TempFolder, ownsData: boolean) {
    this.port = port;
    this.dataFolder = dataFolder;
    this.#settings = settings;
    this.#ownsData = ownsData;
  }

  /** Formats the data folder when it is new, starts the node and waits until it serves. */
  static async start(options: ApacheKafkaOptions = {}): Promise<ApacheKafka> {
    const [port = 0, controllerPort = 0] = await freePorts(2);
    const settings = tempFolder('apache-kafka');
    const dataFolder = options.dataFolder ?? path.join(settings.path, 'data');
    const kafka = new ApacheKafka(
      options.port ?? port,
      dataFolder,
      settings,
      options.dataFolder === undefined,
    );
    kafka.#writeProperties(controllerPort, options.overrides ?? {});
    if (!existsSync(path.join(dataFolder, 'meta.properties'))) {
      mkdirSync(dataFolder, { recursive: true });
      const argv = ['format', '--standalone', '-t', CLUSTER_ID, '-c', kafka.#propertiesFile];
      await runKafkaTool('kafka.tools.StorageTool', argv);
    }
    await kafka.resume();
    return kafka;
  }

  /** `host:port` for clients. */
  get bootstrap(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error('Apache Kafka is not running');
    return this.#child.pid;
  }

  get #propertiesFile(): string {
    return path.join(this.#settings.path, 'server.properties');
  }

  #writeProperties(controllerPort: number, overrides: Readonly<Record<string, string>>): void {
    const lines = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      listeners: `PLAINTEXT://127.0.0.1:${this.port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${this.port}`,
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
      'log.dirs': this.dataFolder,
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'share.coordinator.state.topic.replication.factor': '1',
      'share.coordinator.state.topic.min.isr': '1',
      'group.initial.rebalance.delay.ms': '0',
      ...overrides,
    };
    const text = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(this.#propertiesFile, text.join(''));
  }

  /** Starts the node again on the same port and data. */
  async resume(): Promise<void> {
    const argv = [
      ...AS_SHIPPED,
      ...(await javaArguments('INFO')),
      'kafka.Kafka',
      this.#propertiesFile,
    ];
    this.#child = new Child('java', argv);
    await this.#child.saying(/Kafka Server started/, START_TIMEOUT_MS);
  }

  /** Shuts the node down in order and keeps the data, for `resume`. */
  async pause(): Promise<void> {
    await this.#child?.stop();
    this.#child = undefined;
  }

  /** Ends the node as a power cut would and keeps the data, for `resume`. */
  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#child = undefined;
  }

  /** Shuts the node down and removes what it made, save for a data folder that was handed in. */
  async stop(): Promise<void> {
    await this.pause();
    if (this.#ownsData) rmSync(this.dataFolder, { recursive: true, force: true });
    this.#settings.remove();
  }

  /** Runs one of Apache Kafka's tools; `--bootstrap-server` is for the caller to give. */
  tool(mainClass: string, argv: readonly string[]): Promise<Finished> {
    return runKafkaTool(mainClass, argv);
  }
}
