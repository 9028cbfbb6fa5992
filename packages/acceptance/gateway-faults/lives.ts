import type { Admin } from '@millrace/client';
import { eventually } from '@millrace/testing';
import { LogReader } from './log-reader.ts';
import type { Topic } from './topics.ts';

/** Generous: what is late on a busy machine is not lost. */
const TIMEOUT_MS = 180_000;

/** The topics of a run in all their lives, each with who reads it for the oracle. */
export class Lives {
  readonly #admin: Admin;
  readonly #bootstrap: string;
  readonly #complain: (text: string) => void;
  readonly #away = new Set<string>();
  readonly #byName = new Map<string, LogReader>();
  readonly #byId = new Map<string, LogReader>();

  constructor(admin: Admin, bootstrap: string, complain: (text: string) => void) {
    this.#admin = admin;
    this.#bootstrap = bootstrap;
    this.#complain = complain;
  }

  async create(topic: Topic): Promise<void> {
    const { name, partitionCount, configs } = topic;
    await this.#admin.createTopics([{ name, partitionCount, configs }]);
    const id = await eventually(`${name} has an id`, TIMEOUT_MS, async () => {
      const [found] = await this.#admin.lookUpTopics([name]);
      const isReady = found?.errorCode === 0 && found.partitions.every((p) => p.leaderId >= 0);
      return isReady && found.topicId !== this.#byName.get(name)?.topicId && found.topicId;
    });
    const reader = new LogReader(topic, id, this.#bootstrap, this.#complain);
    this.#byName.set(name, reader);
    this.#byId.set(id, reader);
  }

  /** Deletes it, when the oracle has read all of it, and makes it again. */
  async recreate(topic: Topic): Promise<void> {
    const before = this.reader(topic.name);
    await before.caughtUp(this.#admin);
    await before.stop();
    this.#away.add(topic.name);
    await this.#admin.deleteTopics([topic.name]);
    await this.create(topic);
  }

  reader(name: string): LogReader {
    const reader = this.#byName.get(name);
    if (reader === undefined) throw new Error(`there is no topic ${name}`);
    return reader;
  }

  isAway(name: string): boolean {
    return this.#away.has(name);
  }

  isBack(topic: Topic): void {
    this.#away.delete(topic.name);
  }

  life(topicId: string): Promise<LogReader> {
    return eventually(`topic ${topicId} is known`, TIMEOUT_MS, () => this.#byId.get(topicId));
  }

  /** Lives that nobody listens to any more are forgotten. */
  forget(isNeeded: (topicId: string) => boolean): void {
    const present = new Set(this.#byName.values());
    for (const [id, reader] of this.#byId)
      if (!present.has(reader) && !isNeeded(id)) this.#byId.delete(id);
  }

  async caughtUp(): Promise<void> {
    for (const reader of this.#byName.values()) await reader.caughtUp(this.#admin);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#byName.values()].map((reader) => reader.stop()));
  }
}
