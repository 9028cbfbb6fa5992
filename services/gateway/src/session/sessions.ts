import { asError, type Timer } from '@millrace/base';
import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';
import { type Principal, principalKey } from '../auth/principal.ts';
import { sessionLimits } from '../limits.ts';
import { Committer } from '../publish/committer.ts';
import { Publisher } from '../publish/publisher.ts';
import { KeyedPaces } from '../rates.ts';
import { PositionQueries } from '../subscriptions/position-queries.ts';
import type { SubscriptionTableParts } from '../subscriptions/subscription-table.ts';
import type { Socket, SocketHandlers } from '../ws/socket-server.ts';
import { codecChooser } from './codec-choice.ts';
import { Connection } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { dispatch } from './dispatch.ts';
import { goingAway, TOO_MUCH_MEMORY } from './farewell.ts';
import { sendAway } from './goaway.ts';
import type { PrincipalCounts } from './hello.ts';
import { accountedBytes, MemoryWatch, residentRatio } from './memory-watch.ts';
import type { SessionsParts, SharedParts } from './session-parts.ts';
import { SWEEP_MS, type SweepSums, sweep } from './sweep.ts';
import { type ConnectionCounts, UpgradeChecks, type UpgradeContext } from './upgrade-checks.ts';

/** Sweeps in a second. */
const SWEEPS = 1000 / SWEEP_MS;
/** Above this share of memory the heaviest connections are sent away (§14). */
const CRITICAL_RATIO = 0.95;
/** A sweep that comes so long after the last one comes late. */
const STOOD_STILL_MS = 1000;
/** One in so many of them, each second. */
const CRITICAL_SHARE = 100;

/** All connections of one process (§3): what the socket server calls, and what happens by itself. */
export class Sessions implements ConnectionCounts, PrincipalCounts {
  readonly handlers: SocketHandlers;
  readonly #shared: SharedParts;
  readonly #connections = new ConnectionTable(SWEEPS);
  readonly #perNetwork = new Map<string, number>();
  readonly #perPrincipal = new Map<string, number>();
  readonly #sweeping: Timer;
  #admittedCount = 0;
  #phase = 0;
  #sweptMs: number;
  #isSkipped = false;
  #sums: SweepSums = newSums();
  #isDraining = false;
  #whenEmpty: (() => void) | null = null;

  constructor(parts: SessionsParts) {
    const { config, metrics, clock } = parts;
    this.#shared = shareParts(parts);
    const upgrades = new UpgradeChecks({ config, metrics, clock, counts: this });
    this.handlers = {
      upgrade: (request) => upgrades.check(request),
      open: (socket) => this.#open(socket),
      message: (socket, data, isText) =>
        this.#guarded(socket, (connection) => dispatch(connection, data, isText, this)),
      drain: (socket) => this.#guarded(socket, (connection) => drained(connection)),
      close: (socket, code) => this.#closed(socket, code),
      dropped: (socket) => {
        metrics.socketDropped.with().add();
        this.#guarded(socket, (connection) => connection.dropped());
      },
    };
    this.#sweptMs = clock.monotonicMs();
    this.#sweeping = clock.setInterval(SWEEP_MS, () => this.#sweep());
    parts.revocations.onChange(() => this.#checkRevoked());
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get open(): number {
    return this.#connections.size;
  }

  get unauthenticated(): number {
    return this.#connections.size - this.#admittedCount;
  }

  ofNetwork(network: string): number {
    return this.#perNetwork.get(network) ?? 0;
  }

  admit(connection: Connection, principal: Principal): boolean {
    const { connectionsPerPrincipal } = this.#shared.config;
    const max = Math.min(connectionsPerPrincipal, principal.grants.limits.connections ?? Infinity);
    const key = principalKey(principal);
    const count = this.#perPrincipal.get(key) ?? 0;
    if (count >= max) return false;
    this.#perPrincipal.set(key, count + 1);
    connection.countedAs = key;
    this.#admittedCount++;
    return true;
  }

  /**
   * Sends every connection away at a moment of its own (§17). Resolves when all are gone, at the latest after
   * `gateway.drain.deadline.ms`; the sweeping has ended then.
   */
  async drain(): Promise<void> {
    const { config, clock, random } = this.#shared;
    this.#isDraining = true;
    const nowMs = clock.monotonicMs();
    for (const connection of this.#connections.all()) {
      if (!connection.isWelcomed)
        connection.fail(CloseCode.GOING_AWAY, ErrorCode.GOING_AWAY, 'The gateway is going away.');
      connection.goawayMs = Math.floor(nowMs + random.float() * config.drainSpreadMs);
      connection.farewell = goingAway(Math.floor(random.float() * config.drainSpreadMs));
    }
    const deadline = clock.setTimer(config.drainDeadlineMs, () => this.closeAll());
    if (this.#connections.size > 0)
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    deadline.cancel();
    this.#sweeping.cancel();
  }

  /** Closes every connection at once. */
  closeAll(): void {
    for (const connection of this.#connections.all()) {
      connection.giveUpPublishes();
      connection.sendProgress();
      connection.end(CloseCode.GOING_AWAY, 'going away');
    }
  }

  #open(socket: Socket): void {
    const { network } = socket.context as UpgradeContext;
    const { metrics } = this.#shared;
    metrics.connectionsOpened.with().add();
    metrics.connections.with('HELLO_WAIT').add(1);
    this.#perNetwork.set(network, this.ofNetwork(network) + 1);
    this.#connections.add(new Connection(this.#shared, socket));
  }

  #closed(socket: Socket, code: number): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.remove(connection);
    this.#shared.metrics.connectionsClosed.with(closeLabel(code, connection.isOpen)).add();
    release(this.#perNetwork, connection.context.network);
    if (connection.countedAs !== null) {
      release(this.#perPrincipal, connection.countedAs);
      this.#admittedCount--;
    }
    try {
      connection.closed();
    } catch (error) {
      this.#shared.log.error('a closed connection failed', { error: asError(error) });
    }
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /** A handler that throws costs its connection, nothing else. */
  #guarded(socket: Socket, act: (connection: Connection) => void): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    try {
      act(connection);
    } catch (error) {
      connection.broken(error);
    }
  }

  #sweep(): void {
    const nowMs = this.#shared.clock.monotonicMs();
    const isLate = nowMs - this.#sweptMs > STOOD_STILL_MS;
    this.#sweptMs = nowMs;
    // What came while this process stood still is read before anybody is called silent.
    this.#isSkipped = isLate && !this.#isSkipped;
    if (this.#isSkipped) return;
    this.#phase++;
    const pass = { nowMs, wallMs: this.#shared.clock.nowMs(), sums: this.#sums };
    // While the process goes away everybody is looked at each time: each has a moment of its own.
    const due = this.#isDraining ? this.#connections.all() : this.#connections.due(this.#phase);
    for (const connection of due) {
      const hasItsSecond = connection.socket.id % SWEEPS === this.#phase % SWEEPS;
      try {
        sweep(connection, pass, hasItsSecond);
      } catch (error) {
        connection.broken(error);
      }
      this.#connections.settle(connection);
    }
    if (this.#phase % SWEEPS === 0) this.#everySecond();
  }

  #everySecond(): void {
    const { metrics, memory, publisher } = this.#shared;
    const sums = this.#sums;
    this.#sums = newSums();
    metrics.unsentBytes.with().set(sums.unsentBytes);
    metrics.unsentBytesMax
      .with()
      .set(Math.max(metrics.unsentBytesMax.with().value, sums.unsentMax));
    metrics.controlLaneBytes.with().set(sums.controlBytes);
    metrics.stalledConnections.with().set(sums.stalled);
    metrics.connectionStateBytes
      .with()
      .set(this.#connections.size * CONNECTION_BYTES + sums.streams * STREAM_BYTES);
    metrics.producerSessions.with().set(publisher.sessions.size);
    memory.sample();
    metrics.memoryBudgetRatio.with().set(memory.ratio);
    if (memory.ratio > CRITICAL_RATIO) this.#sendHeaviestAway();
  }

  /** Those with most unsent bytes first, then those furthest behind: they hold memory and read least. */
  #sendHeaviestAway(): void {
    const { fanOut } = this.#shared;
    const ready = this.#connections.all().filter(({ state }) => state === 'READY');
    const weighed = ready
      .map((connection) => ({
        connection,
        bytes: connection.socket.unsentBytes(),
        lag: fanOut.lagOf(connection),
      }))
      .sort((a, b) => b.bytes - a.bytes || b.lag - a.lag);
    const count = Math.ceil(ready.length / CRITICAL_SHARE);
    for (const { connection } of weighed.slice(0, count)) {
      sendAway(connection, TOO_MUCH_MEMORY);
      this.#connections.settle(connection);
    }
  }

  #checkRevoked(): void {
    const { revocations } = this.#shared;
    for (const connection of this.#connections.all()) {
      if (!connection.isWelcomed) continue;
      if (revocations.isRevoked(connection.principal))
        connection.fail(CloseCode.REVOKED, ErrorCode.FORBIDDEN, 'The token has been revoked.');
      else if (connection.hasSubscriptions) connection.subscriptions.endRevoked(revocations);
    }
  }
}

/** What clients may say at the end and is told apart; anything else would be series that they choose. */
const CLIENT_CODES: ReadonlySet<number> = new Set([1000, 1001, 1005, 1006]);

/** Label of a closed connection: our code, or the client's. */
function closeLabel(code: number, isByClient: boolean): string {
  return isByClient && !CLIENT_CODES.has(code) ? 'other' : String(code);
}

/** What one connection and one stream take, for the gauge (§14). Bytes. */
const CONNECTION_BYTES = 2048;
const STREAM_BYTES = 256;

function newSums(): SweepSums {
  return { unsentBytes: 0, unsentMax: 0, controlBytes: 0, stalled: 0, streams: 0 };
}

/** A write made progress: there is room for what waits. */
function drained(connection: Connection): void {
  const nowMs = connection.parts.clock.monotonicMs();
  connection.heartbeat.progressed(nowMs);
  connection.stalledSinceMs = -1;
  if (connection.hasSubscriptions) connection.parts.fanOut.wake(connection);
  else connection.flush();
}

function release(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 1) - 1;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function shareParts(parts: SessionsParts): SharedParts {
  const { config, clock, random, metrics, upstream, fanOut, authenticator } = parts;
  const queries = new PositionQueries(upstream, clock);
  const queryRates = new KeyedPaces(sessionLimits.rateKeysMax);
  const perSecond = config.positionQueriesPerSecond;
  const subscriptions: SubscriptionTableParts = {
    clock,
    metrics,
    fanOut,
    upstream,
    queries,
    authenticator,
    subscriptionsMax: config.subscriptionsMax,
    streamsMax: config.streamsMax,
    mayQuery: (key) => queryRates.take(key, perSecond, clock.monotonicMs()),
    codecFor: codecChooser(config, parts.log),
  };
  const { memoryBytes, publishSessionsWindow } = config;
  const measure = parts.memoryRatio ?? (() => residentRatio(memoryBytes));
  const accounted = () => accountedBytes(metrics, publishSessionsWindow) / memoryBytes;
  return {
    ...parts,
    node: random.uint32().toString(16).padStart(8, '0'),
    memory: new MemoryWatch(measure, accounted),
    queries,
    publisher: new Publisher({ config, clock, random, metrics, upstream }),
    committer: new Committer(upstream, clock),
    subscriptions,
  };
}
