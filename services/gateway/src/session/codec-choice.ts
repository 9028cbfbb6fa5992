import { Codec } from '@millrace/gateway-protocol';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { CodecName } from '../config/rows/delivery.ts';
import { topicMatcher } from '../config/topic-patterns.ts';

const CODECS: Readonly<Record<CodecName, number>> = {
  lz4: Codec.LZ4,
  'deflate-raw': Codec.DEFLATE_RAW,
  zstd: Codec.ZSTD,
};

/** The codec for a topic: the first that the client reads and the configuration offers, only where it allows any (§19.9). */
export function codecChooser(
  config: GatewayConfig,
): (topic: string, codecs: readonly number[]) => number {
  const offered = new Set(config.compressionCodecs.map((name) => CODECS[name]));
  const isCompressed = topicMatcher(config.compressionTopics);
  return (topic, codecs) =>
    (isCompressed(topic) ? codecs.find((codec) => offered.has(codec)) : undefined) ?? Codec.NONE;
}
