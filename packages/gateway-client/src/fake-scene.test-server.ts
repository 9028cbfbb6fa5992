// A subscription whose partitions have leaders, or not yet.
import type { FrameOf, StreamInfo } from '@millrace/gateway-protocol';
import type { GatewayError } from './errors.ts';
import { filled, read, stream } from './fake-consumer.test-server.ts';
import { FakeGateway, type FakeTopic, type Peer } from './fake-gateway.test-server.ts';
import type { FakeLog } from './fake-log.test-server.ts';
import type { SubscribeOptions } from './options.ts';
import type { Subscription } from './subscription.ts';

export const log = (topic: FakeTopic, partition: number): FakeLog =>
  topic.logs[partition] as FakeLog;

/** A subscription to topic `t`, which has offsets 0 … 19 in each partition. */
export class Scene {
  readonly gateway = new FakeGateway();
  readonly topic: FakeTopic;
  readonly subscription: Subscription;
  readonly seen: string[];
  readonly ended: Promise<unknown>;
  readonly errors: GatewayError[] = [];

  /** @param places partitions that have a place; the others of `partitions` have no leader. */
  constructor(partitions: number, places: readonly number[], options: SubscribeOptions = {}) {
    this.topic = filled(this.gateway, 't', 20, partitions);
    for (const [partition, one] of this.topic.logs.entries())
      one.hasLeader = places.includes(partition);
    const client = this.gateway.client();
    this.subscription = client.subscribe('t', { start: 'latest', ...options });
    this.subscription.on('error', (error) => this.errors.push(error));
    ({ seen: this.seen, ended: this.ended } = read(this.subscription));
  }

  get peer(): Peer {
    return [...this.gateway.peers.values()][0] as Peer;
  }

  /** Begins, loses its connection, and has another one. */
  async reconnect(): Promise<void> {
    await this.gateway.run(50);
    this.gateway.dropAll();
    await this.gateway.run(1_000);
  }

  /** Answers the first Subscribe with these streams, and a list that goes on. */
  cutList(...streams: StreamInfo[]): void {
    let isFirst = true;
    this.gateway.intercept = (peer, frame) => {
      if (frame.kind !== 'subscribe' || !isFirst) return false;
      isFirst = false;
      const { req, sub } = frame;
      const { id: topicId } = this.topic;
      this.gateway.send(peer, { kind: 'subscribed', req, sub, topicId, more: true, streams });
      return true;
    };
  }

  /** What was asked for apart, the last time. */
  get probe(): FrameOf<'subscribe'> {
    return this.gateway
      .got('subscribe')
      .filter(({ projection }) => projection === 0)
      .at(-1) as FrameOf<'subscribe'>;
  }

  /** The gateway has an answer for what was asked for apart. */
  async found(facts: Partial<StreamInfo>, runMs = 100): Promise<void> {
    const streams = [stream({ stream: 99, partition: 1, ...facts })];
    this.gateway.send(this.peer, { kind: 'streamStates', sub: this.probe.sub, streams });
    await this.gateway.run(runMs);
  }

  /** The gateway ends what was asked for apart. */
  refuse(code: number, retryable: boolean): void {
    const { sub } = this.probe;
    this.peer.subs.delete(sub);
    this.gateway.send(this.peer, { kind: 'unsubscribed', sub, code, retryable });
  }

  /** One more record in each partition. */
  async grow(): Promise<void> {
    for (const one of this.topic.logs) one.append('more');
    this.gateway.pump();
    await this.gateway.run(100);
  }
}
