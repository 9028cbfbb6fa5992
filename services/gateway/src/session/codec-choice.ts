import { Codec } from '@millrace/gateway-protocol';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { CodecName } from '../config/rows/delivery.ts';

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
  const patterns = config.compressionTopics;
  const isCompressed = (topic: string): boolean =>
    patterns.some((pattern) =>
      pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern,
    );
  return (topic, codecs) =>
    (isCompressed(topic) ? codecs.find((codec) => offered.has(codec)) : undefined) ?? Codec.NONE;
}
