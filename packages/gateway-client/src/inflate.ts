import { Codec } from '@millrace/gateway-protocol';
import { ProtocolViolation } from './errors.ts';
import { decodeLz4 } from './lz4.ts';
import type { CodecName } from './options.ts';

const CODECS: Readonly<Record<CodecName, number>> = {
  lz4: Codec.LZ4,
  'deflate-raw': Codec.DEFLATE_RAW,
  zstd: Codec.ZSTD,
  none: Codec.NONE,
};

/** Codecs that this runtime decodes, as numbers of the protocol, in the wanted order. */
export function supportedCodecs(
  wanted: readonly CodecName[] = ['lz4', 'zstd', 'deflate-raw'],
): number[] {
  return wanted
    .filter((name) => name === 'lz4' || name === 'none' || streamFor(name) !== null)
    .map((name) => CODECS[name]);
}

/**
 * The payload before compression: at once for NONE and LZ4, later for what the platform inflates.
 * @throws ProtocolViolation, or rejects with it, unless it has exactly `rawSize` bytes.
 */
export function decompress(
  codec: number,
  payload: Uint8Array,
  rawSize: number,
): Uint8Array | Promise<Uint8Array> {
  if (codec === Codec.NONE) return payload;
  if (codec === Codec.LZ4) return decodeLz4(payload, rawSize);
  const stream = streamFor(codec === Codec.ZSTD ? 'zstd' : 'deflate-raw');
  if (stream === null) throw new ProtocolViolation(`codec ${codec} was not offered`);
  return inflate(stream, payload, rawSize);
}

function streamFor(format: string): DecompressionStream | null {
  try {
    return new DecompressionStream(format as ConstructorParameters<typeof DecompressionStream>[0]);
  } catch {
    return null; // the runtime has no such class, or not this format
  }
}

async function inflate(
  { readable, writable }: DecompressionStream,
  payload: Uint8Array,
  rawSize: number,
): Promise<Uint8Array> {
  const writer = writable.getWriter();
  // Its failures come out of the reader as well.
  writer.write(payload as Uint8Array<ArrayBuffer>).catch(() => undefined);
  writer.close().catch(() => undefined);
  const output = new Uint8Array(rawSize);
  const reader = readable.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new ProtocolViolation('a block that does not inflate', cause);
    });
    if (done) break;
    length += value.length;
    if (length > rawSize) {
      // Whatever else it would grow to, nobody waits for it.
      reader.cancel().catch(() => undefined);
      break;
    }
    output.set(value, length - value.length);
  }
  if (length !== rawSize) throw new ProtocolViolation('a block that inflates to another size');
  return output;
}
