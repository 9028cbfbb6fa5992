import { setTimeout as sleep } from 'node:timers/promises';
import { seededPrng } from '@millrace/base';
import { Admin } from '@millrace/client';
import { eventually, MillraceProcess } from '@millrace/testing';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { FaultProxy } from './fault-proxy.ts';
import { FAULT_NAMES, type FaultName, Faults } from './faults.ts';
import { Listener, type World } from './listener.ts';
import { Lives } from './lives.ts';
import { Load, PADDING } from './load.ts';
import { roleOf } from './roles.ts';
import { Tally } from './tally.ts';
import { TOPICS } from './topics.ts';

export interface OrdealOptions {
  /** Faults, at least. */
  readonly kills: number;
  readonly clients: number;
  /** Records that clients are given, all together, at least. */
  readonly records: number;
  readonly seed: number;
  /** No fault begins later than this after the first one. */
  readonly seconds: number;
  /** Records produced a second. */
  readonly rate: number;
  /** Between two faults: a time between 0 and this one, at random. */
  readonly pauseMs: number;
  /** Keeps the n-th record from a client's ear, so that the run has to complain. 0 = none. */
  readonly drop?: number;
  /** All when absent. */
  readonly faults?: readonly FaultName[];
  readonly note?: (text: string) => void;
}

/** What a run has shown. */
export interface OrdealReport {
  readonly faults: ReadonlyMap<string, number>;
  /** Connections that were cut, stalled, cut short or slowed down on their way. */
  readonly connections: number;
  readonly clients: number;
  /** Share of the clients that were reading when a fault began, mean over the faults. */
  readonly attached: number;
  readonly produced: number;
  readonly seconds: number;
  readonly tally: Tally;
  /** Everything that must not be, as text; the first ones. */
  readonly complaints: readonly string[];
}

const GATEWAYS = 2;
const IDLE_MS = 100;
const ATTACH_TIMEOUT_MS = 120_000;
const NOTE_EVERY = 25;
/** Three of four faults wait until nearly all clients read again; the others come on top of the last one. */
const CALM_ONE_IN = 4;
const CALM_SHARE = 0.9;
const CALM_MS_MAX = 15_000;
const CALM_POLL_MS = 50;
const DETACHED_TOLD = 5;
const CODEC_TOPICS = 'plain,compacted';

const BROKER = { 'log.cleaner.backoff.ms': '500', 'log.segment.bytes': '4194304' };

/** Short heartbeats, so that half-open peers are found within a run, on a busy machine too; one address is everybody. */
const GATEWAY = [
  'gateway.ping.interval.ms=4000',
  'gateway.pong.grace.ms=6000',
  'gateway.connection.lifetime.ms=30000',
  'gateway.drain.spread.ms=300',
  'gateway.drain.close.after.ms=300',
  'gateway.drain.deadline.ms=4000',
  'gateway.connections.per.principal=10000',
  'gateway.connections.per.address=10000',
  'gateway.handshakes.per.second=10000',
  'gateway.handshakes.per.address=10000',
  'gateway.position.queries.per.second=100000',
  // Little of the log is in memory: clients that were away read it cold.
  'gateway.record.max.bytes=131072',
  'gateway.ring.partition.bytes=262144',
  'gateway.feed.linger.ms=500',
  `gateway.compression.topics=${CODEC_TOPICS}`,
];

/** Clients, gateways, a broker and a Kafka client as oracle, while faults strike. */
export async function ordeal(options: OrdealOptions): Promise<OrdealReport> {
  const since = performance.now();
  const tally = new Tally(options.drop);
  const cleanups: (() => unknown)[] = [];
  try {
    const broker = await MillraceProcess.start({ overrides: BROKER });
    cleanups.push(() => broker.kill().then(() => broker.remove()));
    const gateways: GatewayProcess[] = [];
    const proxies: FaultProxy[] = [];
    const random = (n: number) => seededPrng(options.seed + n);
    for (let n = 0; n < GATEWAYS; n++) {
      const gateway = await GatewayProcess.start(broker.bootstrap, GATEWAY);
      cleanups.push(() => gateway.kill());
      gateways.push(gateway);
      const proxy = await FaultProxy.open(gateway.port, random(10 + n));
      cleanups.push(() => proxy.close());
      proxies.push(proxy);
    }
    const { bootstrap } = broker;
    const admin = new Admin({ bootstrapServers: bootstrap, requestTimeoutMs: 10_000 });
    cleanups.push(() => admin.close());
    const lives = new Lives(admin, bootstrap, (text) => tally.complain(text));
    cleanups.push(() => lives.stop());
    for (const topic of TOPICS) await lives.create(topic);
    const { rate } = options;
    const load = new Load({ bootstrap, topics: TOPICS, rate, random: random(1) });
    const world = worldOf(proxies, lives, tally, options.seed + 2);
    const listeners = Array.from(
      { length: options.clients },
      (_, n) => new Listener(roleOf(n), world),
    );
    cleanups.push(() => Promise.all(listeners.map((each) => each.leave('close'))));
    const parts = { admin, broker, gateways, proxies, listeners, lives, load, tally };
    const faults = new Faults({
      ...parts,
      random: random(3),
      names: options.faults ?? FAULT_NAMES,
    });
    await eventually('all clients read', ATTACH_TIMEOUT_MS, () =>
      listeners.every((each) => each.isAttached),
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${detached(listeners).join('; ')}`, { cause: error });
    });
    const attached = await strike(faults, listeners, tally, options);
    await load.stop();
    for (const error of load.errors.slice(0, 5)) tally.complain(`not produced: ${error}`);
    await lives.caughtUp();
    await Promise.all(listeners.map((each) => each.finish()));
    if (gateways.some(({ allOutput }) => allOutput.includes(PADDING)))
      tally.complain('a gateway logged the value of a record');
    return {
      faults: faults.counts,
      connections: faults.connections,
      clients: options.clients,
      attached,
      produced: load.produced,
      seconds: (performance.now() - since) / 1_000,
      tally,
      complaints: complaintsOf(tally),
    };
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

function worldOf(proxies: readonly FaultProxy[], lives: Lives, tally: Tally, seed: number): World {
  const tokens = new Map<string, string>();
  return {
    urls: proxies.map(({ url }) => url),
    tally,
    random: seededPrng(seed),
    store: {
      tokens,
      load: async (key) => tokens.get(key) ?? null,
      save: async (key, token) => void tokens.set(key, token),
    },
    reader: (name) => lives.reader(name),
    isAway: (name) => lives.isAway(name),
    life: (id) => lives.life(id),
  };
}

/** Until there were enough faults and records, or the time is over. Returns the mean share of clients that read. */
async function strike(
  faults: Faults,
  listeners: readonly Listener[],
  tally: Tally,
  options: OrdealOptions,
): Promise<number> {
  const since = performance.now();
  const random = seededPrng(options.seed + 4);
  const { note } = options;
  let shares = 0;
  const isInTime = (): boolean => performance.now() - since < options.seconds * 1_000;
  while (isInTime() && (faults.total < options.kills || tally.delivered < options.records)) {
    await sleep(random.float() * options.pauseMs);
    if (faults.total >= options.kills) {
      await sleep(IDLE_MS);
      continue;
    }
    if (random.below(CALM_ONE_IN) !== 0) await calm(listeners);
    const share = attachedShare(listeners);
    shares += share;
    const before = performance.now();
    const name = await faults.next();
    const tookMs = Math.round(performance.now() - before);
    if (faults.total <= NOTE_EVERY || faults.total % NOTE_EVERY === 0)
      note?.(
        `${faults.total} ${name} (${tookMs} ms, ${percent(share)} were reading), ${tally.delivered} records`,
      );
  }
  return shares / Math.max(1, faults.total);
}

/** A fault among clients that are all away breaks nothing. Gives up after a while. */
async function calm(listeners: readonly Listener[]): Promise<void> {
  for (let leftMs = CALM_MS_MAX; leftMs > 0; leftMs -= CALM_POLL_MS) {
    if (attachedShare(listeners) >= CALM_SHARE) return;
    await sleep(CALM_POLL_MS);
  }
}

/** A few of those who do not read, and where they stand. */
function detached(listeners: readonly Listener[]): string[] {
  const names = listeners.filter((each) => !each.isAttached).map(String);
  return [`${names.length} do not`, ...names.slice(0, DETACHED_TOLD)];
}

function attachedShare(listeners: readonly Listener[]): number {
  return listeners.filter((each) => each.isAttached).length / listeners.length;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function complaintsOf(tally: Tally): string[] {
  const { lost, reordered, duplicates, wrong, gapsWrong } = tally;
  const counts = { lost, reordered, duplicates, wrong, 'gaps with wrong bounds': gapsWrong };
  const complaints = Object.entries(counts)
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `${count} ${what}`);
  if (tally.delivered === 0) complaints.push('nothing was delivered');
  if (tally.gaps !== tally.gapsExpected)
    complaints.push(`${tally.gaps} gaps reported, ${tally.gapsExpected} expected`);
  if (tally.recreated !== tally.recreatedExpected)
    complaints.push(
      `topic made anew: ${tally.recreated} told, ${tally.recreatedExpected} expected`,
    );
  return [...complaints, ...tally.complaints];
}

/** The run in one line. */
export function lineOf(report: OrdealReport): string {
  const { tally, faults, clients } = report;
  const kinds = [...faults].map(([name, count]) => `${count} ${name}`).join(', ');
  const total = [...faults.values()].reduce((sum, count) => sum + count, 0);
  return [
    `${total} faults (${kinds}; ${report.connections} connections struck)`,
    `${clients} clients, of which ${percent(report.attached)} were reading when a fault began`,
    `${report.produced} records produced, ${tally.delivered} delivered`,
    `lost ${tally.lost}, reordered ${tally.reordered}`,
    `duplicates beyond unfinished blocks ${tally.duplicates} (within: ${tally.repeated})`,
    `wrong content ${tally.wrong}, left out by key ${tally.superseded} (${tally.unverified} compacted before the oracle came)`,
    `gaps ${tally.gaps} reported / ${tally.gapsExpected} expected, ${tally.gapsWrong} with wrong bounds`,
    `topic made anew ${tally.recreated} / ${tally.recreatedExpected}`,
    `${tally.disconnects} disconnects, slowest resume ${(tally.slowestResumeMs / 1_000).toFixed(1)} s`,
    `${report.seconds.toFixed(0)} s`,
  ].join('; ');
}
