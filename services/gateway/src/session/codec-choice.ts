import type { Logger } from '@millrace/base';
import { compressRaw } from '@millrace/compression';
import { Codec } from '@millrace/gateway-protocol';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { CodecName } from '../config/rows/delivery.ts';
import { topicMatcher } from '../config/topic-patterns.ts';

const CODECS: Readonly<Record<CodecName, number>> = {
  lz4: Codec.LZ4,
  'deflate-raw': Codec.DEFLATE_RAW,
  zstd: Codec.ZSTD,
};

/**
 * The codec for a topic: the first that the client reads and the configuration offers, only where it allows any (§19.9).
 * What this process cannot compress, because the module for it is not there, is not offered.
 */
export function codecChooser(
  config: Pick<GatewayConfig, 'compressionTopics' | 'compressionCodecs'>,
  log: Logger,
  compress: typeof compressRaw = compressRaw,
): (topic: string, codecs: readonly number[]) => number {
  // Where nothing is compressed no module is loaded to see whether it is there.
  const wanted = config.compressionTopics.length === 0 ? [] : config.compressionCodecs;
  const works = (name: CodecName): boolean => {
    try {
      compress(name, new Uint8Array(1));
      return true;
    } catch (error) {
      log.warn('a codec is not offered: it cannot be loaded', {
        codec: name,
        error: String(error),
      });
      return false;
    }
  };
  const offered = new Set(wanted.filter(works).map((name) => CODECS[name]));
  const isCompressed = topicMatcher(config.compressionTopics);
  return (topic, codecs) =>
    (isCompressed(topic) ? codecs.find((codec) => offered.has(codec)) : undefined) ?? Codec.NONE;
}
