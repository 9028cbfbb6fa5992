import type { Clock, Distribution, RenderedFamily } from '@millrace/base';
import type { FetchSessionCache } from '../api/fetch/fetch-session.ts';
import type { MetadataImage } from '../controller/metadata-image.ts';
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import { groupsByState } from '../coordinator/group/group-metrics.ts';
import type { LogManager } from '../log/log-manager.ts';
import type { PartitionTable } from '../replica/partition-table.ts';
import { GroupSeries } from './group-series.ts';
import type { Health } from './health.ts';
import type { HostMetrics } from './host-metrics.ts';
import { brokerMetrics } from './metric-table.ts';
import type { PageSource } from './metrics-page.ts';
import { PartitionSeries } from './partition-series.ts';
import { RequestMetrics } from './request-metrics.ts';
import type { SampledSeries } from './sampled-family.ts';
import { TopicMeters } from './topic-meters.ts';

/** Numbers of the network side, as `Reactor.stats` gives them. */
export interface NetworkStats {
  readonly connectionCount: number;
  readonly inboundBytes: number;
  readonly queuedSendBytes: number;
  readonly receivedBytesTotal: number;
  readonly sentBytesTotal: number;
}

/** What metrics are read off. */
export interface MetricsRooms {
  readonly image: MetadataImage;
  readonly partitions: PartitionTable;
  readonly groups: GroupCoordinator;
  readonly logs: Pick<LogManager, 'dirs' | 'offlinePaths'>;
  readonly sessions: Pick<FetchSessionCache, 'count'>;
  readonly health: Health;
  readonly network: () => NetworkStats;
  /** Requests not answered yet, and what of them waits. */
  readonly pendingRequestCount: () => number;
  readonly waitingCount: () => number;
}

const PRODUCE_KEY = 0;
const FETCH_KEY = 1;

/** Everything the broker counts of itself. The rooms count into `requests` and `topics`. */
export class BrokerMetrics {
  readonly #metrics = brokerMetrics.create();
  readonly requests: RequestMetrics;
  readonly topics = new TopicMeters();
  readonly #flushTime: Distribution;

  constructor(clock: Clock, nameOfApi: (apiKey: number) => string | undefined) {
    this.requests = new RequestMetrics(this.#metrics.families, clock, nameOfApi);
    const { families } = this.#metrics;
    this.#flushTime = families.flushTime.with();
    const { isrShrinks, isrExpands, failedIsrUpdates, uncleanElections } = families;
    for (const counter of [isrShrinks, isrExpands, failedIsrUpdates, uncleanElections]) {
      counter.with();
    }
  }

  /** A log was flushed, which took so many milliseconds. */
  flushed(tookMs: number): void {
    this.#flushTime.record(tookMs);
  }

  /** Ends the window of the quantiles; to be called once a minute. */
  rotate(): void {
    this.#metrics.rotate();
  }

  /** What `/metrics` shows of a broker made of these rooms. */
  pageSource(rooms: MetricsRooms, host: HostMetrics): PageSource {
    const sampled: SampledSeries[] = [
      this.topics,
      new PartitionSeries(rooms.partitions, rooms.image),
      new GroupSeries(rooms.groups, rooms.partitions),
    ];
    const families = () => this.#families(rooms, host);
    return { sampled, families };
  }

  *#families(rooms: MetricsRooms, host: HostMetrics): Iterable<RenderedFamily> {
    this.#readBroker(rooms);
    this.#readNetwork(rooms);
    this.#readGroups(rooms);
    yield* this.#metrics.rendered();
    yield* host.families();
  }

  #readBroker({ image, partitions, logs, health }: MetricsRooms): void {
    const { families } = this.#metrics;
    const failed = logs.dirs.filter((dir) => dir.isFailed).length;
    families.brokers.with().set(1);
    families.activeBrokers.with().set(1);
    families.fencedBrokers.with().set(0);
    families.activeController.with().set(1);
    families.controllerState.with().set(0);
    families.preferredImbalance.with().set(0);
    families.topicCount.with().set(image.topicCount);
    families.globalPartitionCount.with().set(image.partitionCount);
    families.partitionCount.with().set(partitions.count);
    families.leaderCount.with().set(partitions.count);
    families.offlinePartitions.with().set(Math.max(0, image.partitionCount - partitions.count));
    families.underReplicated.with().set(0);
    families.reassigning.with().set(0);
    families.brokerState.with().set(health.state);
    families.lateTransactions.with().set(0);
    families.offlineDirs.with().set(failed + logs.offlinePaths.length);
    for (const dir of logs.dirs) families.dirOffline.with(dir.path).set(Number(dir.isFailed));
    for (const path of logs.offlinePaths) families.dirOffline.with(path).set(1);
    this.#readReplicas(image, partitions);
  }

  /** By topic, not by partition: one replica each, so only min.insync.replicas and failed dirs matter. */
  #readReplicas(image: MetadataImage, partitions: PartitionTable): void {
    const { families } = this.#metrics;
    let below = 0;
    let at = 0;
    let offline = 0;
    let producers = 0;
    for (const { name, partitionCount, config } of image.topics()) {
      if (config.minInsyncReplicas > 1) below += partitionCount;
      else at += partitionCount;
      for (const partition of partitions.ofTopic(name) ?? []) {
        if (partition === undefined) continue;
        if (partition.isFailed) offline++;
        producers += partition.log.producers.count;
      }
    }
    families.underMinIsr.with().set(below);
    families.atMinIsr.with().set(at);
    const missing = Math.max(0, image.partitionCount - partitions.count);
    families.offlineReplicaCount.with().set(offline + missing);
    families.producerIds.with().set(producers);
  }

  #readNetwork(rooms: MetricsRooms): void {
    const { families } = this.#metrics;
    const stats = rooms.network();
    families.connections.with().set(stats.connectionCount);
    families.frameMemory.with('used').set(stats.inboundBytes);
    families.queuedSendBytes.with().set(stats.queuedSendBytes);
    families.receivedBytes.with().value = stats.receivedBytesTotal;
    families.sentBytes.with().value = stats.sentBytesTotal;
    families.requestQueue.with().set(rooms.pendingRequestCount());
    families.waiting.with().set(rooms.waitingCount());
    families.fetchSessions.with().set(rooms.sessions.count);
    families.produceRequests.with().value = this.requests.countOf(PRODUCE_KEY);
    families.fetchRequests.with().value = this.requests.countOf(FETCH_KEY);
  }

  #readGroups({ groups }: MetricsRooms): void {
    const { families } = this.#metrics;
    const states = groupsByState(groups.groups());
    families.groups.with().set(groups.groupCount);
    families.groupOffsets.with().set(groups.offsetCount);
    families.groupsStable.with().set(states.Stable);
    families.groupsPreparing.with().set(states.PreparingRebalance);
    families.groupsCompleting.with().set(states.CompletingRebalance);
    families.groupsEmpty.with().set(states.Empty);
    families.groupsDead.with().set(states.Dead);
    families.rebalances.with().value = groups.rebalanceCount;
  }
}
