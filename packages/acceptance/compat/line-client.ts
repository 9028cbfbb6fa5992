import { Child, type ChildOptions } from '@millrace/testing';
import type { Client, Member, ProduceOptions, StoredRecord, WireRecord } from './client.ts';

const CALL_TIMEOUT_MS = 60_000;

/** How to start the program that holds the client: see `programs/line-server.ts` for what it speaks. */
export interface LineProgram {
  readonly command: string;
  readonly argv: readonly string[];
  readonly options?: ChildOptions;
}

/** The near end of the line protocol: calls go out as lines, answers come back by id. */
export class LineCaller {
  readonly child: Child;
  #nextId = 1;
  #read = 0;
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: string }) => void>();

  constructor(program: LineProgram) {
    this.child = new Child(program.command, program.argv, { ...program.options, keepInput: true });
    this.child.process.stdout?.on('data', () => this.#takeAnswers());
    this.child.exited.then(() => {
      for (const settle of this.#waiting.values())
        settle({ error: `the program ended: ${this.child.stderr}` });
    });
  }

  call(op: string, argument: unknown = {}): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(`${op}: no answer in ${CALL_TIMEOUT_MS} ms ${this.child.stderr.slice(-500)}`),
          ),
        CALL_TIMEOUT_MS,
      );
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${op}: ${error}`));
      });
      this.child.write(`${JSON.stringify({ id, op, argument })}\n`);
    });
  }

  #takeAnswers(): void {
    for (;;) {
      const end = this.child.stdout.indexOf('\n', this.#read);
      if (end < 0) return;
      const line = this.child.stdout.slice(this.#read, end);
      this.#read = end + 1;
      if (!line.startsWith('{"id"')) continue; // a library that prints
      const answer = JSON.parse(line) as { id: number; result?: unknown; error?: string };
      this.#waiting.get(answer.id)?.(answer);
    }
  }

  async close(): Promise<void> {
    this.child.process.stdin?.end();
    await this.child.stop();
  }
}

/** A client that lives in a program speaking the line protocol; every member gets a program of its own. */
export class LineClient implements Client {
  readonly #program: LineProgram;
  readonly #bootstrap: string;
  readonly #caller: LineCaller;

  private constructor(program: LineProgram, bootstrap: string, caller: LineCaller) {
    this.#program = program;
    this.#bootstrap = bootstrap;
    this.#caller = caller;
  }

  static async open(program: LineProgram, bootstrap: string): Promise<LineClient> {
    const caller = new LineCaller(program);
    await caller.call('open', { bootstrap });
    return new LineClient(program, bootstrap, caller);
  }

  async createTopic(topic: string, partitionCount: number): Promise<void> {
    await this.#caller.call('createTopic', { topic, partitionCount });
  }

  async produce(
    topic: string,
    records: readonly WireRecord[],
    options: ProduceOptions = {},
  ): Promise<void> {
    const { codec = 'none', idempotent = false } = options;
    await this.#caller.call('produce', { topic, records, codec, idempotent });
  }

  async consume(topic: string, partitionCount: number, count: number): Promise<StoredRecord[]> {
    return (await this.#caller.call('consume', { topic, partitionCount, count })) as StoredRecord[];
  }

  async join(group: string, topic: string): Promise<Member> {
    const caller = new LineCaller(this.#program);
    await caller.call('open', { bootstrap: this.#bootstrap });
    await caller.call('join', { group, topic });
    return {
      assigned: async () => ((await caller.call('assigned')) as number[] | null) ?? undefined,
      consumed: async () => (await caller.call('consumed')) as StoredRecord[],
      commit: async () => void (await caller.call('commit', { topic })),
      leave: async () => {
        await caller.call('leave');
        await caller.close();
      },
      kill: () => caller.child.kill(),
    };
  }

  async close(): Promise<void> {
    await this.#caller.close();
  }
}
