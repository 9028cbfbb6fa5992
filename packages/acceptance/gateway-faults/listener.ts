import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '@millrace/base';
import {
  GatewayClient,
  GatewayError,
  type Position,
  type ResumeStore,
  type Start,
  type Subscription,
} from '@millrace/gateway-client';
import {
  decodeResumeToken,
  ErrorCode,
  fromBase64Url,
  toBase64Url,
} from '@millrace/gateway-protocol';
import { eventually } from '@millrace/testing';
import { Ear } from './ear.ts';
import type { LogReader } from './log-reader.ts';
import type { Role } from './roles.ts';
import type { Tally } from './tally.ts';

const WINDOW_BYTES = 65_536;
const SLOW_MS_MAX = 15;
/** Generous: what is late on a busy machine is not lost. */
const TIMEOUT_MS = 180_000;

/** What the clients of a run share. */
export interface World {
  readonly urls: readonly string[];
  readonly tally: Tally;
  readonly random: Prng;
  readonly store: ResumeStore & { readonly tokens: Map<string, string> };
  /** The present life of a topic. */
  reader(topic: string): LogReader;
  /** It was deleted, and is not known to all again. */
  isAway(topic: string): boolean;
  /** The life with that id; waits until the harness knows of it. */
  life(topicId: string): Promise<LogReader>;
}

/** One client of the run, through all the clients of the SDK that it is in turn, and its ears. */
export class Listener {
  readonly role: Role;
  readonly #world: World;
  readonly #ears: readonly Ear[];
  #client: GatewayClient | null = null;
  #subscription: Subscription | null = null;
  #loop: Promise<void> = Promise.resolve();
  /** Id of the topic that the ears follow. */
  #topicId: string;
  /** The topic was made anew, and its first block has not come. */
  #rebirth: { readonly topicId: string; readonly offset: number } | null = null;
  #downSince: number | null = null;
  #lastError: Error | null = null;
  #isRefused = false;

  constructor(role: Role, world: World) {
    const { topic, name, classes } = role;
    const { partitions, topicId } = world.reader(topic.name);
    this.role = role;
    this.#world = world;
    this.#topicId = topicId;
    this.#ears = partitions.map(
      (oracle, partition) =>
        new Ear(
          oracle,
          { name: `${name}, ${partition}`, classes, isLenient: topic.isCompacted },
          world.tally,
        ),
    );
    this.#open(role.start === 'store' ? { resumeKey: name } : role.start);
  }

  get isAttached(): boolean {
    const state = this.#subscription?.state;
    return state === 'live' || state === 'catchingUp';
  }

  /** It asked for a topic that was not there, and has to ask anew. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The topic that it is known to read. */
  get topicId(): string {
    return this.#rebirth?.topicId ?? this.#topicId;
  }

  /** Where it stands, for complaints. */
  toString(): string {
    const positions = this.position().map(({ partition, offset }) => `${partition}@${offset}`);
    const states = `${this.#client?.state ?? 'away'}, ${this.#subscription?.state}`;
    return `${this.role.name} ${states}, ${positions.join(' ')} of ${this.topicId}, last error ${this.#lastError}`;
  }

  /** Offset of each partition below which nothing more is asked for. */
  needs(partition: number): number {
    return this.#ears[partition]?.next ?? 0;
  }

  position(): readonly Position[] {
    return this.#subscription?.position() ?? [];
  }

  /**
   * Ends its client. `crash`: what the store has by now is all that stays, as when a page dies.
   * @returns the token to go on with, null when no position is known.
   */
  async leave(how: 'close' | 'crash'): Promise<string | null> {
    const { name, start } = this.role;
    const { tokens } = this.#world.store;
    const stored = tokens.get(name);
    const token = this.position().length > 0 ? (this.#subscription?.resumeToken() ?? null) : null;
    const client = this.#client;
    this.#client = null;
    await client?.close();
    await this.#loop;
    if (start !== 'store') return token;
    if (how === 'crash') {
      if (stored === undefined) tokens.delete(name);
      else tokens.set(name, stored);
    }
    return tokens.get(name) ?? null;
  }

  /** Goes on as another client. `gaps`: what has to be reported at once, by partition. */
  async enter(token: string | null, gaps: ReadonlyMap<number, number> = new Map()): Promise<void> {
    await this.#follow();
    const { start, name } = this.role;
    const positions = this.#positionsOf(token);
    for (const [partition, ear] of this.#ears.entries()) {
      const offset = positions.get(partition) ?? -1;
      ear.restart(offset);
      const lostTo = gaps.get(partition) ?? 0;
      if (offset >= 0 && offset < lostTo) ear.expectGap(offset, lostTo);
    }
    if (start === 'store') this.#open({ resumeKey: name });
    else this.#open(token === null ? start : { resume: token });
  }

  /** Waits until it stands at the end of the log, and says what is missing. */
  async finish(): Promise<void> {
    const { name } = this.role;
    const ends = this.#world.reader(this.role.topic.name).partitions.map(({ end }) => end);
    await eventually(`${name} has read to the end ${ends}`, TIMEOUT_MS, () => {
      const found = new Map(this.position().map((each) => [each.partition, each.offset]));
      return ends.every((end, partition) => (found.get(partition) ?? -1) >= end);
    }).catch((error: Error) => this.#world.tally.complain(`${error.message}: ${this}`));
    await this.leave('close');
    await this.#follow();
    for (const [partition, ear] of this.#ears.entries()) ear.finish(ends[partition] ?? 0);
  }

  #open(start: Start): void {
    const { urls, store, random } = this.#world;
    const { topic, protocol, policy, filter } = this.role;
    const first = random.below(urls.length);
    const client = new GatewayClient({
      url: [...urls.slice(first), ...urls.slice(0, first)],
      protocol,
      resumeStore: store,
      reconnect: { baseMs: 20, capMs: 400 },
    });
    const subscription = client.subscribe(topic.name, {
      ...{ start, policy, windowBytes: WINDOW_BYTES, onRecreated: 'nearest' as const },
      ...(filter === null ? {} : { filter }),
    });
    this.#client = client;
    this.#subscription = subscription;
    this.#isRefused = false;
    this.#watch(client, subscription);
    this.#loop = this.#listen(client, subscription);
  }

  #watch(client: GatewayClient, subscription: Subscription): void {
    const { tally } = this.#world;
    const { name } = this.role;
    subscription.on('state', (state) => {
      if (this.#client !== client) return;
      if (state === 'reconnecting') {
        tally.disconnects++;
        this.#downSince ??= performance.now();
      }
      if (state !== 'catchingUp' && state !== 'live') return;
      if (this.#downSince !== null) {
        tally.slowestResumeMs = Math.max(
          tally.slowestResumeMs,
          performance.now() - this.#downSince,
        );
        this.#downSince = null;
      }
      this.#begin();
    });
    subscription.on('gap', ({ partition, from, to, reason }) =>
      this.#ears[partition]?.gap(from, to, reason),
    );
    subscription.on('diverged', ({ partition, from, to }) =>
      tally.complain(`${name}: partition ${partition} diverged [${from}, ${to})`),
    );
    subscription.on('error', (error) => {
      this.#lastError = error;
    });
    subscription.on('recreated', ({ topicId }) => {
      tally.recreated++;
      this.#rebirth = { topicId, offset: subscription.position()[0]?.offset ?? -1 };
    });
  }

  /** Takes over the starts that were resolved. */
  #begin(): void {
    for (const { partition, offset } of this.position()) {
      const ear = this.#ears[partition];
      if (ear === undefined || ear.next >= 0 || this.#rebirth !== null) continue;
      ear.next = offset;
      if (this.role.start === 'earliest' && !ear.oracle.logStarts.has(offset))
        this.#world.tally.complain(`${this.role.name}: earliest is ${offset}`);
    }
  }

  async #listen(client: GatewayClient, subscription: Subscription): Promise<void> {
    const { tally, random } = this.#world;
    try {
      for await (const block of subscription) {
        await this.#follow();
        const ear = this.#ears[block.partition] as Ear;
        await ear.oracle.reached(block.nextOffset);
        // It left meanwhile: this block was never finished.
        if (this.#client !== client) return;
        ear.block(block);
        if (this.role.isSlow) await sleep(random.below(SLOW_MS_MAX));
      }
      if (this.#client === client) tally.complain(`${this.role.name}: the stream ended`);
    } catch (error) {
      if (this.#client === client && this.#isAway(error)) this.#isRefused = true;
      else if (this.#client === client) tally.complain(`${this.role.name}: ${String(error)}`);
    }
  }

  /** Who asks for a topic while it is not there is told so. */
  #isAway(error: unknown): boolean {
    const codes: readonly number[] = [ErrorCode.FORBIDDEN, ErrorCode.UNKNOWN_TOPIC];
    return (
      error instanceof GatewayError &&
      codes.includes(error.code) &&
      this.#world.isAway(this.role.topic.name)
    );
  }

  /** Turns the ears to the topic that came after the one they knew. */
  async #follow(): Promise<void> {
    const rebirth = this.#rebirth;
    if (rebirth === null) return;
    const { partitions } = await this.#world.life(rebirth.topicId);
    this.#topicId = rebirth.topicId;
    if (this.#rebirth === rebirth) this.#rebirth = null;
    for (const [partition, ear] of this.#ears.entries()) {
      const oracle = partitions[partition];
      if (oracle !== undefined) ear.rebirth(oracle, rebirth.offset);
    }
  }

  /** Of a token of the topic's present life; one of an earlier life will be answered with the new one. */
  #positionsOf(token: string | null): Map<number, number> {
    const bytes = token === null ? null : fromBase64Url(token);
    if (bytes === null) return new Map();
    const { positions, topicId } = decodeResumeToken(bytes);
    if (toBase64Url(topicId) !== this.#world.reader(this.role.topic.name).topicId) {
      this.#world.tally.recreatedExpected++;
      return new Map();
    }
    return new Map(positions.map(({ partition, offset }) => [partition, Number(offset)]));
  }
}
