import { Outcome, type StreamInfo } from '@millrace/gateway-protocol';
import type { FakeGateway, FakeTopic } from './fake-gateway.test-server.ts';
import type { RecordBlock } from './gateway-record.ts';
import type { Subscription } from './subscription.ts';

/** Reads in the background; `seen` grows, `ended` says how it ended. */
export function read(subscription: Subscription): {
  seen: string[];
  blocks: RecordBlock[];
  ended: Promise<unknown>;
} {
  const seen: string[] = [];
  const blocks: RecordBlock[] = [];
  const loop = async (): Promise<void> => {
    for await (const block of subscription) {
      blocks.push(block);
      for (const record of block) seen.push(`${block.partition}/${record.offset}`);
    }
  };
  return { seen, blocks, ended: loop().catch((error: unknown) => error) };
}

/** A topic with that many records in each partition. */
export function filled(
  gateway: FakeGateway,
  name: string,
  records: number,
  partitions = 1,
): FakeTopic {
  const topic = gateway.topic(name, partitions);
  for (const log of topic.logs)
    for (let i = 0; i < records; i++) log.append(`value ${i}`, `key ${i}`);
  return topic;
}

/** A stream that starts at 20, but for `facts`. */
export function stream(facts: Partial<StreamInfo>): StreamInfo {
  return {
    stream: 1,
    partition: 0,
    outcome: Outcome.EXACT,
    code: 0,
    leaderEpoch: 0,
    startOffset: 20n,
    logStart: 0n,
    highWatermark: 20n,
    lostFrom: -1n,
    lostTo: -1n,
    ...facts,
  };
}
