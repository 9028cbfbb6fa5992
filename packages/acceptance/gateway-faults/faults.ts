import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '@millrace/base';
import type { Admin } from '@millrace/client';
import { eventually, type MillraceProcess } from '@millrace/testing';
import type { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import type { FaultProxy, Strike } from './fault-proxy.ts';
import type { Listener } from './listener.ts';
import type { Lives } from './lives.ts';
import type { Load } from './load.ts';
import type { Tally } from './tally.ts';
import { KEYED, PLAIN, REBORN } from './topics.ts';

/** Generous: what is late on a busy machine is not lost. */
const TIMEOUT_MS = 180_000;
const DOWN_MS_MAX = 300;
const STILL_MS_MAX = 5_000;
const SLEEPERS = 4;
const RELOADS_MAX = 10;
/** Records behind the sleepers, before the log is cut. */
const CUT_AHEAD = 20;

/** How often each is drawn, relative to the others. */
const WEIGHTS = {
  'gateway kill -9': 4,
  'gateway drain': 2,
  'broker kill -9': 3,
  'gateway stands still': 3,
  'broker stands still': 3,
  reset: 6,
  'half-open': 4,
  truncation: 4,
  'slow proxy': 2,
  'records deleted': 4,
  'topic made anew': 2,
  'page reload': 4,
} as const;

export type FaultName = keyof typeof WEIGHTS;
export const FAULT_NAMES = Object.keys(WEIGHTS) as readonly FaultName[];

export interface FaultParts {
  readonly admin: Admin;
  readonly broker: MillraceProcess;
  readonly gateways: readonly GatewayProcess[];
  readonly proxies: readonly FaultProxy[];
  readonly listeners: readonly Listener[];
  readonly lives: Lives;
  readonly load: Load;
  readonly tally: Tally;
  readonly random: Prng;
  /** Which faults there are. */
  readonly names: readonly FaultName[];
}

/** Strikes, one fault at a time; each is over when whatever was killed runs again. */
export class Faults {
  readonly counts = new Map<FaultName, number>();
  /** Connections that a proxy cut, stalled, cut short or slowed down. */
  connections = 0;
  readonly #p: FaultParts;
  readonly #deck: readonly FaultName[];
  readonly #work: Readonly<Record<FaultName, () => Promise<void>>> = {
    'gateway kill -9': () => this.#killGateway(),
    'gateway drain': () => this.#drainGateway(),
    'broker kill -9': () => this.#killBroker(),
    'gateway stands still': () => this.#stopFor(this.#one(this.#p.gateways).pid),
    'broker stands still': () => this.#stopFor(this.#p.broker.pid),
    reset: () => this.#strike('reset'),
    'half-open': () => this.#strike('stall'),
    truncation: () => this.#strike('truncate'),
    'slow proxy': () => this.#strike('slow'),
    'records deleted': () => this.#deleteRecords(),
    'topic made anew': () => this.#recreate(),
    'page reload': () => this.#reload(),
  };

  constructor(parts: FaultParts) {
    this.#p = parts;
    this.#deck = parts.names.flatMap((name) => Array<FaultName>(WEIGHTS[name]).fill(name));
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One fault: the first ones are one of each kind. Returns its name. */
  async next(): Promise<FaultName> {
    const { random, names } = this.#p;
    const untried = names.filter((name) => !this.counts.has(name));
    const deck = untried.length > 0 ? untried : this.#deck;
    const name = deck[random.below(deck.length)] as FaultName;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    await this.#work[name]();
    return name;
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#p.random.below(items.length)] as T;
  }

  async #killGateway(): Promise<void> {
    const gateway = this.#one(this.#p.gateways);
    await gateway.kill();
    await gateway.resume();
  }

  async #drainGateway(): Promise<void> {
    const gateway = this.#one(this.#p.gateways);
    try {
      await gateway.stop();
    } catch (error) {
      this.#p.tally.complain(`drain: ${String(error)}`);
    }
    await gateway.resume();
  }

  async #killBroker(): Promise<void> {
    const { broker, random } = this.#p;
    await broker.kill();
    await sleep(random.below(DOWN_MS_MAX));
    await broker.resume();
  }

  /** Nothing answers, and no connection ends: sometimes for longer than a heartbeat waits. */
  async #stopFor(pid: number): Promise<void> {
    process.kill(pid, 'SIGSTOP');
    try {
      await sleep(this.#p.random.below(STILL_MS_MAX));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  async #strike(strike: Strike): Promise<void> {
    const { random, proxies } = this.#p;
    // Now and then everybody at once.
    const share = random.below(4) === 0 ? 1 : random.float() * 0.3;
    for (const proxy of proxies) this.connections += proxy.strike(strike, share);
  }

  /** Some clients leave, the log is cut beyond them, they come back: each hears of exactly what it missed. */
  async #deleteRecords(): Promise<void> {
    const { admin, listeners, lives, random, tally } = this.#p;
    const topic = random.below(2) === 0 ? PLAIN : KEYED;
    const partition = random.below(topic.partitionCount);
    const oracle = lives.reader(topic.name).partitions[partition];
    const candidates = listeners.filter(
      (each) => each.role.topic === topic && each.position().length === topic.partitionCount,
    );
    if (oracle === undefined || candidates.length === 0) return;
    const sleepers = new Set(Array.from({ length: SLEEPERS }, () => this.#one(candidates)));
    const tokens = new Map<Listener, string | null>();
    for (const sleeper of sleepers) tokens.set(sleeper, await sleeper.leave('close'));
    const behind = oracle.end + 1 + random.below(CUT_AHEAD);
    await eventually('the log goes on', TIMEOUT_MS, () => oracle.end >= behind);
    oracle.begin(behind);
    const logStart = await eventually('records are deleted', TIMEOUT_MS, () =>
      admin.deleteRecords(topic.name, partition, behind),
    );
    if (logStart !== behind) tally.complain(`the log begins at ${logStart}, not ${behind}`);
    for (const [sleeper, token] of tokens)
      await sleeper.enter(token, new Map([[partition, behind]]));
    await this.#attached([...sleepers]);
    const needed = listeners.filter((each) => each.role.topic === topic);
    oracle.forgetBelow(Math.min(behind, ...needed.map((each) => each.needs(partition))));
  }

  async #recreate(): Promise<void> {
    const { listeners, lives, load, tally } = this.#p;
    const readers = listeners.filter((each) => each.role.topic === REBORN);
    await this.#attached(readers);
    await load.hold(REBORN);
    tally.recreatedExpected += readers.length;
    await lives.recreate(REBORN);
    load.release(REBORN);
    const { topicId } = lives.reader(REBORN.name);
    await eventually('all know the new topic', TIMEOUT_MS, async () => {
      for (const each of readers) {
        if (!each.isRefused) continue;
        // The old topic's token is counted again.
        tally.recreatedExpected--;
        await each.enter(await each.leave('close'));
      }
      return readers.every((each) => each.topicId === topicId);
    }).catch((error: Error) =>
      tally.complain(`${error.message}: ${readers.map(String).join('; ')}; now ${topicId}`),
    );
    lives.isBack(REBORN);
    lives.forget((id) => readers.some((each) => each.topicId === id));
  }

  async #reload(): Promise<void> {
    const { listeners, random } = this.#p;
    const count = 1 + random.below(RELOADS_MAX);
    const reloaded = new Set(Array.from({ length: count }, () => this.#one(listeners)));
    for (const listener of reloaded)
      await listener.enter(await listener.leave(random.below(2) === 0 ? 'close' : 'crash'));
  }

  async #attached(listeners: readonly Listener[]): Promise<void> {
    await eventually('clients are attached', TIMEOUT_MS, () =>
      listeners.every((each) => each.isAttached && each.position().length > 0),
    ).catch((error: Error) => this.#p.tally.complain(error.message));
  }
}
