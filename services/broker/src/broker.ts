import { type Clock, type Logger, silentLogger, systemClock, systemRandom } from '@millrace/base';
import { CompressionPool } from '@millrace/compression';
import { type Engine, openNativeEngine } from '@millrace/engine';
import { Admin } from './admin/admin.ts';
import type { ApiTable } from './api/api-table.ts';
import { FetchSessionCache } from './api/fetch/fetch-session.ts';
import { SlowLane } from './api/produce/slow-lane.ts';
import { type ApiRooms, apiTableOf } from './broker-apis.ts';
import { type BrokerOptions, type PreparedOptions, prepareOptions } from './broker-options.ts';
import { advertisedEndpoint } from './config/advertised-endpoint.ts';
import { DynamicConfig } from './config/dynamic-config.ts';
import { loadTopics } from './controller/topic-loader.ts';
import type { Topics } from './controller/topic-store.ts';
import { type OpenedGroups, openGroupCoordinator } from './coordinator/open-group-coordinator.ts';
import { RECOMPRESSION_JOB_BYTES, RECOMPRESSION_QUEUE_BYTES_MAX } from './limits.ts';
import { AppendPlan } from './log/append-plan.ts';
import { LogManager } from './log/log-manager.ts';
import { ProducerIds } from './log/producer-ids.ts';
import { Backlog } from './net/backlog.ts';
import { ConnectionTable } from './net/connection-table.ts';
import { FramePump } from './net/frame-pump.ts';
import { Listeners, type OpenListener } from './net/listeners.ts';
import { MemoryBudget } from './net/memory-budget.ts';
import { reactorOptionsOf } from './net/reactor-options.ts';
import { ResponseQueue } from './net/response-queue.ts';
import { DelayedFetches } from './replica/delayed/delayed-fetch.ts';
import { Purgatory } from './replica/delayed/purgatory.ts';
import { Maintenance } from './replica/maintenance.ts';
import { PartitionTable } from './replica/partition-table.ts';
import { Tick } from './replica/tick.ts';

/** A broker that serves. */
export interface RunningBroker {
  readonly clusterId: string;
  readonly brokerId: number;
  /** Port of the first listener. */
  readonly port: number;
  readonly listeners: readonly OpenListener[];
  /** Where /metrics and /health are; null when `millrace.metrics.listener` is empty. */
  readonly metricsAddress: { readonly address: string; readonly port: number } | null;
  readonly logDirs: readonly string[];
  /** Names in the configuration that nothing knows. */
  readonly unknownConfigs: readonly string[];
  /** Stops cleanly: no process, handle or lock is left. The same promise however often it is called. */
  close(): Promise<void>;
}

/**
 * Starts a broker in the caller's process.
 * @throws ConfigError, PropertiesError, EngineError (`addressInUse`, `dirLocked` …), IdentityError,
 * CheckpointError; nothing is left behind then.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const prepared = await prepareOptions(options);
  try {
    const dynamicConfig = new DynamicConfig(prepared.config.values);
    const openEngine = options.openEngine ?? openNativeEngine;
    const engine = openEngine(reactorOptionsOf(dynamicConfig.config));
    const broker = new Broker(engine, dynamicConfig, prepared, options.logger ?? silentLogger);
    try {
      await broker.start();
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  } catch (error) {
    await prepared.cleanUp();
    throw error;
  }
}

/** The composition root: makes every room and connects them. */
class Broker implements RunningBroker {
  readonly #engine: Engine;
  readonly #dynamicConfig: DynamicConfig;
  readonly #prepared: PreparedOptions;
  readonly #log: Logger;
  readonly #clock: Clock = systemClock;
  readonly #plan: AppendPlan;
  readonly #tick: Tick;
  readonly #purgatory: Purgatory;
  readonly #logs: LogManager;
  readonly #partitions: PartitionTable;
  readonly #listeners: Listeners;
  readonly #pool: CompressionPool;
  readonly #maintenance: Maintenance;
  readonly #admin: Admin;
  #metricsAddress: { readonly address: string; readonly port: number } | null = null;
  #topics: Topics | null = null;
  #groups: OpenedGroups | null = null;
  #backlog: Backlog | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    engine: Engine,
    dynamicConfig: DynamicConfig,
    prepared: PreparedOptions,
    log: Logger,
  ) {
    this.#engine = engine;
    this.#dynamicConfig = dynamicConfig;
    this.#prepared = prepared;
    this.#log = log;
    const { config } = dynamicConfig;
    const { store, reactor } = engine;
    const clock = this.#clock;
    const isDurable = config.durability === 'fsync';
    const plan = new AppendPlan(store);
    const tick = new Tick(clock, plan);
    const logs = new LogManager({ store, paths: config.logDirs, isDurable, log });
    const partitions = new PartitionTable({ logs, plan, isDurable, nowMs: tick.nowMs });
    this.#plan = plan;
    this.#tick = tick;
    this.#logs = logs;
    this.#partitions = partitions;
    this.#purgatory = new Purgatory(clock, (body) => tick.run(body));
    this.#listeners = new Listeners(reactor);
    this.#pool = new CompressionPool({
      queueBytesMax: RECOMPRESSION_QUEUE_BYTES_MAX,
      queueCountMax: RECOMPRESSION_QUEUE_BYTES_MAX / RECOMPRESSION_JOB_BYTES,
    });
    this.#maintenance = new Maintenance({ partitions, logs, clock, log, config: () => config });
    const failedDirs = () => logs.dirs.filter((dir) => dir.isFailed).map((dir) => dir.path);
    this.#admin = new Admin({ clock, log, failedDirs, logDirs: config.logDirs });
  }

  get clusterId(): string {
    return this.#metadata.image.clusterId;
  }

  get brokerId(): number {
    return this.#metadata.image.brokerId;
  }

  get port(): number {
    return this.#listeners.open[0]?.port ?? 0;
  }

  get listeners(): readonly OpenListener[] {
    return this.#listeners.open;
  }

  get metricsAddress(): { readonly address: string; readonly port: number } | null {
    return this.#metricsAddress;
  }

  get logDirs(): readonly string[] {
    return this.#dynamicConfig.config.logDirs;
  }

  get unknownConfigs(): readonly string[] {
    return this.#prepared.config.unknownNames;
  }

  get #metadata(): Topics {
    if (this.#topics === null) throw new Error('the broker has not started');
    return this.#topics;
  }

  /** Opens the logs, then the doors. */
  async start(): Promise<void> {
    await this.#logs.start();
    // Health is answered while logs are recovered. Whatever else is wrong is told before a taken port here.
    const admin = this.#admin.open(this.#dynamicConfig.config.metricsListener);
    admin.catch(() => {});
    const { topics, records, finishedDeletions } = await loadTopics({
      logs: this.#logs,
      partitions: this.#partitions,
      dynamicConfig: this.#dynamicConfig,
      random: systemRandom,
      log: this.#log,
      dirFailed: (dirId, code) => this.#dirFailed(dirId, code),
    });
    this.#topics = topics;
    this.#logs.isLoaded = true;
    const opened = openGroupCoordinator({
      topics,
      partitions: this.#partitions,
      config: this.#dynamicConfig.config,
      clock: this.#clock,
      tick: this.#tick,
      random: systemRandom,
      logger: this.#log,
      deletedTopics: finishedDeletions,
    });
    this.#groups = opened;
    topics.onChange(({ kind, topic }) => {
      if (kind === 'deleted') this.#admin.metrics.topics.drop(topic.name);
    });
    const rooms = { ...this.#apiRooms(topics), ...opened, records };
    const budget = this.#openDoors(apiTableOf(rooms));
    this.#metricsAddress = await admin;
    this.#admin.show({
      ...rooms,
      image: topics.image,
      network: () => this.#engine.reactor.stats(),
      pendingRequestCount: () => budget.requestCount,
      waitingCount: () => this.#purgatory.count,
    });
    this.#maintenance.start();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#admin.closing();
    this.#listeners.close();
    await this.#maintenance.close();
    this.#groups?.close();
    await this.#topics?.close();
    if (!this.#plan.isEmpty) this.#tick.run(() => {});
    this.#tick.close();
    this.#backlog?.close();
    this.#purgatory.close();
    await this.#engine.reactor.close();
    await this.#admin.close();
    await this.#pool.close();
    await this.#maintenance.checkpointHighWatermarks().catch(() => {});
    // Whatever still reaches a partition finds it offline, not a log that is about to close.
    for (const partition of this.#partitions) partition.goOffline();
    await this.#logs.close();
    await this.#engine.close();
    await this.#prepared.cleanUp();
  }

  #openDoors(table: ApiTable): MemoryBudget {
    const { reactor } = this.#engine;
    const { config } = this.#dynamicConfig;
    const tick = this.#tick;
    const responses = new ResponseQueue(reactor);
    responses.onStaged = () => tick.schedule();
    tick.flushReplies = () => responses.flush();
    tick.onFailure = (error) => this.#log.error('a tick failed', { error: asError(error) });
    const { requests } = this.#admin.metrics;
    tick.afterCommit(() => requests.turnEnded(tick.monotonicMs()));
    const budget = new MemoryBudget(reactor, config.queuedMaxRequests);
    const backlog = new Backlog({
      reactor,
      clock: this.#clock,
      runInTick: (body) => tick.run(body),
      serve: (connection, frame) => pump.serveHeldBack(connection, frame),
    });
    this.#backlog = backlog;
    const connections = new ConnectionTable({
      reactor,
      responses,
      budget,
      backlog,
      log: this.#log,
      listenerNameOf: (listenerId) => this.#listeners.nameOf(listenerId),
      nowMs: tick.monotonicMs,
      onReply: (reply) => requests.answered(reply),
    });
    const pump = new FramePump({
      reactor,
      table,
      connections,
      backlog,
      tick,
      log: this.#log,
      onFlushed: (logId, offset, tookMs) => {
        this.#admin.metrics.flushed(tookMs);
        this.#partitions.getByLogId(logId)?.flushed(offset);
      },
      onWritten: (logId, logEndOffset) => this.#plan.written(logId, logEndOffset),
      onRefused: (logId) => this.#plan.refused(logId),
      onDirFailed: (dirId, code) => this.#dirFailed(dirId, code),
    });
    this.#engine.store.setDeferral(true);
    this.#listeners.listen(config.openListeners, config.socketListenBacklogSize);
    reactor.run(pump.onTick);
    return budget;
  }

  #apiRooms(topics: Topics): Omit<ApiRooms, 'records' | 'groups' | 'ensureGroupTopic'> {
    const { config } = this.#dynamicConfig;
    const { store } = this.#engine;
    const partitions = this.#partitions;
    const tick = this.#tick;
    const pool = this.#pool;
    const { image } = topics;
    const meters = this.#admin.metrics.topics;
    const delayedFetches = new DelayedFetches(this.#purgatory, tick);
    const dirId = this.#logs.dirs[0]?.dirId ?? 0;
    return {
      dynamicConfig: this.#dynamicConfig,
      topics,
      partitions,
      tick,
      logs: this.#logs,
      purgatory: this.#purgatory,
      delayedFetches,
      producerIds: new ProducerIds(store, dirId, () => partitions.lowestFreeProducerId()),
      sessions: new FetchSessionCache(
        this.#clock,
        systemRandom,
        config.maxIncrementalFetchSessionCacheSlots,
      ),
      slowLane: new SlowLane(
        {
          inflate: (codec, body, bytesMax) => pool.decompress(codec, body, bytesMax),
          deflate: (codec, body, level) => pool.compress(codec, body, level),
        },
        () => tick.schedule(),
      ),
      inflate: (codec, body, bytesMax) => pool.decompress(codec, body, bytesMax),
      counter: {
        produced: (partition, bytes, recordCount) => meters.produced(partition, bytes, recordCount),
        // From version 13 on, a fetch names topics by id.
        fetched: (topic, topicId, bytes) =>
          meters.fetched(topic !== '' ? topic : (image.topicById(topicId)?.name ?? ''), bytes),
      },
      endpointFor: (connection) => advertisedEndpoint(config, connection),
    };
  }

  #dirFailed(dirId: number, code: number): void {
    const dir = this.#logs.dir(dirId);
    if (dir === undefined || dir.isFailed) return;
    dir.isFailed = true;
    this.#log.error('log dir failed: nothing in it is acknowledged any more', {
      path: dir.path,
      code,
    });
    for (const partition of this.#partitions) {
      if (partition.log.dirId === dirId) partition.fail();
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
