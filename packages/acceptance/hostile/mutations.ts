import type { Prng } from '@millrace/base';
import { Reader } from '@millrace/bytes';
import * as protocol from '@millrace/protocol';
import { goldenFrames } from '../../protocol/golden/frames.ts';

const FRAME_BYTES_MAX = 64 * 1024;
/** Numbers that lengths, counts and varints are most often wrong with. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];

/** Requests as the Java clients write them, in every version they know. */
export function goldenRequests(): readonly Uint8Array[] {
  return goldenFrames()
    .filter(({ name, bytes }) => name.endsWith('Request') && bytes.length <= FRAME_BYTES_MAX)
    .map(({ bytes }) => bytes);
}

/** One of the requests with one to three things wrong, mostly one. */
export function mutant(requests: readonly Uint8Array[], random: Prng): Uint8Array {
  let bytes = Buffer.from(requests[random.below(requests.length)] as Uint8Array);
  for (let left = 1 + Math.max(0, random.below(6) - 3); left > 0; left--) {
    if (bytes.length > 0) bytes = changed(bytes, requests, random);
  }
  return bytes;
}

function changed(
  bytes: Buffer<ArrayBuffer>,
  requests: readonly Uint8Array[],
  random: Prng,
): Buffer<ArrayBuffer> {
  // The first bytes say which API it is; most changes leave them, or everything would end there.
  const from = random.below(10) === 0 ? 0 : Math.min(8, bytes.length - 1);
  const at = from + random.below(bytes.length - from);
  const edge = (): number => EDGES[random.below(EDGES.length)] as number;
  switch (random.below(9)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = edge();
      return bytes;
    case 2:
      return Buffer.from(bytes.fill(edge(), at, Math.min(bytes.length, at + 4)));
    case 3:
      return Buffer.from(bytes.fill(edge(), at, Math.min(bytes.length, at + 8)));
    case 4:
      return Buffer.from(bytes.subarray(0, at));
    case 5: {
      const end = at + random.below(Math.min(64, bytes.length - at)) + 1;
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
    case 6: {
      const end = at + random.below(Math.min(16, bytes.length - at)) + 1;
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    }
    case 7: {
      const other = requests[random.below(requests.length)] as Uint8Array;
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
    }
    default: {
      const more = Buffer.alloc(1 + random.below(12));
      random.fill(more);
      return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
    }
  }
}

interface RequestCodec {
  readonly key: number;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly decodeRequest: (reader: Reader, version: number) => unknown;
}

const CODECS = new Map(
  Object.entries(protocol)
    .filter(([name, value]) => name.endsWith('Api') && typeof value === 'object')
    .map(([, value]) => [(value as RequestCodec).key, value as RequestCodec]),
);

/** Whether a changed frame is still a request, so that the broker answers and reads on. */
export function decodes(frame: Uint8Array): boolean {
  try {
    const reader = new Reader(frame);
    const { apiKey, apiVersion } = protocol.decodeRequestHeader(reader);
    const codec = CODECS.get(apiKey);
    if (codec === undefined) return false;
    if (apiVersion < codec.minVersion || apiVersion > codec.maxVersion) return false;
    codec.decodeRequest(reader, apiVersion);
    reader.finish();
    return true;
  } catch {
    return false;
  }
}
