import { apacheKafkaJars, type Child, runKafkaTool, startKafkaTool } from '@millrace/testing';
import type {
  Client,
  ClientDriver,
  Member,
  ProduceOptions,
  StoredRecord,
  WireRecord,
} from '../client.ts';

const TOOLS = 'org.apache.kafka.tools';
const NULL = '<null>';
const TIMEOUT_MS = 60_000;
/** Console producer: headers, key and value, each behind its own mark. */
const READER = {
  'parse.headers': 'true',
  'parse.key': 'true',
  'headers.delimiter': '|h|',
  'headers.separator': ',',
  'headers.key.separator': ':',
  'key.separator': '|k|',
  'null.marker': NULL,
};
const FORMATTER = {
  'print.partition': 'true',
  'print.offset': 'true',
  'print.headers': 'true',
  'print.key': 'true',
  'key.separator': '|k|',
  'headers.separator': ',',
  'null.literal': NULL,
};

/** Apache Kafka's own console tools. */
export const javaConsole: ClientDriver = {
  name: 'Apache Kafka console',
  lacks: {},
  async open(bootstrap) {
    await apacheKafkaJars();
    return new JavaConsole(bootstrap);
  },
};

class JavaConsole implements Client {
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
  }

  async createTopic(topic: string, partitionCount: number): Promise<void> {
    const argv = [
      '--create',
      '--topic',
      topic,
      '--partitions',
      String(partitionCount),
      '--replication-factor',
      '1',
    ];
    await this.#tool(`${TOOLS}.TopicCommand`, argv);
  }

  async produce(
    topic: string,
    records: readonly WireRecord[],
    options: ProduceOptions = {},
  ): Promise<void> {
    const { codec = 'none', idempotent = false } = options;
    const input = records.map(({ key, value, headers }) => {
      const pairs = headers.map(([name, text]) => `${name}:${text}`).join(',');
      return `${pairs === '' ? NULL : pairs}|h|${key ?? NULL}|k|${value ?? NULL}\n`;
    });
    const argv = [
      '--topic',
      topic,
      '--compression-codec',
      codec,
      ...properties('--reader-property', READER),
    ];
    const settings = {
      acks: 'all',
      'enable.idempotence': String(idempotent),
      'max.request.size': '4000000',
    };
    const all = [...argv, ...properties('--command-property', settings)];
    const { stdout, stderr } = await this.#tool(`${TOOLS}.ConsoleProducer`, all, input.join(''));
    if (/ERROR|Exception/.test(stdout + stderr)) throw new Error(stdout + stderr);
  }

  async consume(topic: string, _partitionCount: number, count: number): Promise<StoredRecord[]> {
    const argv = [
      '--topic',
      topic,
      '--from-beginning',
      '--max-messages',
      String(count),
      '--timeout-ms',
      '30000',
    ];
    const { stdout } = await this.#tool(`${TOOLS}.consumer.ConsoleConsumer`, [
      ...argv,
      ...properties('--formatter-property', FORMATTER),
    ]);
    return recordsOf(stdout);
  }

  /**
   * A console consumer in a group. What it has shows in the offsets tool only; it says what it consumed, so its
   * partitions are asked for by its client id.
   */
  async join(group: string, topic: string): Promise<Member> {
    const clientId = `console-${crypto.randomUUID()}`;
    const settings = {
      'client.id': clientId,
      'session.timeout.ms': '6000',
      'heartbeat.interval.ms': '500',
      'auto.offset.reset': 'earliest',
      'auto.commit.interval.ms': '600000',
      'group.protocol': 'classic',
    };
    const child = await startKafkaTool(`${TOOLS}.consumer.ConsoleConsumer`, [
      ...['--bootstrap-server', this.#bootstrap, '--topic', topic, '--group', group],
      ...properties('--formatter-property', FORMATTER),
      ...properties('--command-property', settings),
    ]);
    return {
      assigned: () => this.#assignmentOf(group, clientId, child),
      consumed: async () => recordsOf(child.stdout),
      commit: async () => undefined, // as it leaves
      leave: async () => void (await child.stop()),
      kill: () => child.kill(),
    };
  }

  async #assignmentOf(
    group: string,
    clientId: string,
    child: Child,
  ): Promise<number[] | undefined> {
    if (!child.running) throw new Error(`a console consumer ended: ${child.stderr}`);
    const table = await describeMembers(this.#bootstrap, group);
    const row = table.find((line) => line.includes(clientId));
    if (row === undefined) return undefined;
    const partitions = /:(\d+(?:,\d+)*)|\((\d+(?:,\d+)*)\)/.exec(
      row.slice(row.indexOf(clientId) + clientId.length),
    );
    return partitions === null ? [] : (partitions[1] ?? partitions[2] ?? '').split(',').map(Number);
  }

  async close(): Promise<void> {}

  #tool(mainClass: string, argv: readonly string[], input = '') {
    const all = ['--bootstrap-server', this.#bootstrap, ...argv];
    return runKafkaTool(mainClass, all, { input, timeoutMs: TIMEOUT_MS });
  }
}

const described = new Map<string, { at: number; lines: Promise<string[]> }>();
const DESCRIBE_EVERY_MS = 1500;

/** Three members ask at once and Java starts slowly: one answer serves them all. */
function describeMembers(bootstrap: string, group: string): Promise<string[]> {
  const known = described.get(group);
  if (known !== undefined && performance.now() - known.at < DESCRIBE_EVERY_MS) return known.lines;
  const argv = [
    '--bootstrap-server',
    bootstrap,
    '--describe',
    '--members',
    '--verbose',
    '--group',
    group,
  ];
  const lines = runKafkaTool(`${TOOLS}.consumer.group.ConsumerGroupCommand`, argv, {
    anyCode: true,
  }).then(({ stdout }) => stdout.split('\n'));
  described.set(group, { at: performance.now(), lines });
  return lines;
}

function properties(flag: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}

/** From lines like `Partition:0|k|Offset:3|k|a:1,b:2|k|key|k|value`. */
function recordsOf(stdout: string): StoredRecord[] {
  const lines = stdout.slice(0, stdout.lastIndexOf('\n') + 1).split('\n');
  return lines
    .filter((line) => line.startsWith('Partition:'))
    .map((line) => {
      const [partition = '', offset = '', headers = '', key = '', value = ''] = line.split('|k|');
      return {
        partition: Number(partition.slice('Partition:'.length)),
        offset: Number(offset.slice('Offset:'.length)),
        headers: headers === 'NO_HEADERS' ? [] : headers.split(',').map(splitHeader),
        key: key === NULL ? null : key,
        value: value === NULL ? null : value,
      };
    });
}

function splitHeader(pair: string): [string, string] {
  const colon = pair.indexOf(':');
  return [pair.slice(0, colon), pair.slice(colon + 1)];
}
