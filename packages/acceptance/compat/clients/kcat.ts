import { Child, MissingTool, runProgram } from '@millrace/testing';
import type {
  Client,
  ClientDriver,
  Member,
  ProduceOptions,
  StoredRecord,
  WireRecord,
} from '../client.ts';

/** What kcat's `-J` prints a line. */
interface JsonRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly payload: string | null;
  readonly headers?: readonly string[];
}

const KEY_DELIMITER = '\u0001';
const TIMEOUT_MS = 40_000;

export const kcat: ClientDriver = {
  name: 'kcat',
  lacks: { create: 'kcat has no command for it' },
  async open(bootstrap) {
    await runProgram('kcat', ['-V']).catch(() => {
      throw new MissingTool('kcat', 'not on the path; see .ci/run');
    });
    return new Kcat(bootstrap);
  },
};

class Kcat implements Client {
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
  }

  /** Metadata of one topic creates it, with as many partitions as the broker thinks right. */
  async createTopic(): Promise<void> {
    throw new Error('kcat cannot create a topic of a given size');
  }

  /** One call for each set of headers: kcat gives them to all records of a call. */
  async produce(
    topic: string,
    records: readonly WireRecord[],
    options: ProduceOptions = {},
  ): Promise<void> {
    const { codec = 'none', idempotent = false } = options;
    const groups = Map.groupBy(records, ({ headers }) => JSON.stringify(headers));
    for (const [headers, group] of groups) {
      const flags = (JSON.parse(headers) as [string, string][]).flatMap(([name, value]) => [
        '-H',
        `${name}=${value}`,
      ]);
      const input = group
        .map(({ key, value }) => `${key ?? ''}${KEY_DELIMITER}${value ?? ''}\n`)
        .join('');
      await this.#run(
        ['-P', '-t', topic, '-Z', '-K', KEY_DELIMITER, '-z', codec, ...flags].concat(
          [
            '-X',
            'topic.partitioner=murmur2_random',
            '-X',
            'message.max.bytes=4000000',
            '-X',
            'acks=all',
          ],
          ['-X', `enable.idempotence=${idempotent}`],
        ),
        input,
      );
    }
  }

  async consume(topic: string, partitionCount: number, count: number): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    for (let partition = 0; partition < partitionCount; partition++) {
      const argv = [
        '-C',
        '-t',
        topic,
        '-p',
        String(partition),
        '-o',
        'beginning',
        '-e',
        '-q',
        '-J',
      ];
      records.push(...recordsOf((await this.#run(argv)).stdout));
    }
    return records.slice(0, count);
  }

  async join(group: string, topic: string): Promise<Member> {
    const settings = [
      'session.timeout.ms=6000',
      'heartbeat.interval.ms=500',
      'auto.offset.reset=earliest',
    ];
    const flags = settings.flatMap((setting) => ['-X', setting]);
    const child = new Child('kcat', [
      '-b',
      this.#bootstrap,
      ...flags,
      '-J',
      '-u',
      '-G',
      group,
      topic,
    ]);
    return {
      assigned: async () => lastAssignment(child.stderr, topic),
      consumed: async () => recordsOf(child.stdout),
      commit: async () => undefined, // as it leaves
      leave: async () => void (await child.stop()),
      kill: () => child.kill(),
    };
  }

  async close(): Promise<void> {}

  #run(argv: readonly string[], input = ''): Promise<{ stdout: string }> {
    return runProgram('kcat', ['-b', this.#bootstrap, ...argv], { input, timeoutMs: TIMEOUT_MS });
  }
}

function recordsOf(stdout: string): StoredRecord[] {
  const lines = stdout.slice(0, stdout.lastIndexOf('\n') + 1).split('\n');
  return lines
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const { partition, offset, key, payload, headers = [] } = JSON.parse(line) as JsonRecord;
      const pairs = headers.flatMap((name, i) =>
        i % 2 === 0 ? [[name, headers[i + 1] ?? ''] as const] : [],
      );
      return { partition, offset, key, value: payload, headers: pairs };
    });
}

/** From lines like `% Group g rebalanced (memberid m): assigned: t [0], t [1]`. */
function lastAssignment(stderr: string, topic: string): number[] | undefined {
  const last = [...stderr.matchAll(/rebalanced \(.*?\): (assigned|revoked):(.*)/g)].at(-1);
  if (last?.[1] !== 'assigned') return undefined;
  return [...(last[2] ?? '').matchAll(/(\S+) \[(\d+)\]/g)]
    .filter(([, name]) => name === topic)
    .map(([, , partition]) => Number(partition));
}
