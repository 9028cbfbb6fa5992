// The SDK in Node, with Node's own WebSocket, against gateway processes and a broker.
import { Duplex } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { Admin, Producer } from '@millrace/client';
import { Codec } from '@millrace/gateway-protocol';
import { MillraceProcess } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { GatewayProcess } from '../gateway/sdk/gateway-process.ts';
import { cutOff, ended } from '../gateway/sdk/ordeals.ts';
import { readWithCodec, roundTrip } from '../gateway/sdk/program.ts';

const CUTS = 12;
const PARTITIONS = 3;

let broker: MillraceProcess;
let gateways: GatewayProcess[];
let url: string;

beforeAll(async () => {
  broker = await MillraceProcess.start();
  const settings = [
    'gateway.compression.topics=packed',
    'gateway.drain.spread.ms=500',
    'gateway.drain.close.after.ms=500',
    'gateway.drain.deadline.ms=20000',
  ];
  gateways = await Promise.all([1, 2].map(() => GatewayProcess.start(broker.bootstrap, settings)));
  url = gateways[0]?.url ?? '';
  const admin = new Admin({ bootstrapServers: broker.bootstrap });
  await admin.createTopics(
    ['binary', 'json', 'packed', 'killed', 'drained']
      .map((name) => ({ name, partitionCount: 1 }))
      .concat({ name: 'cut', partitionCount: PARTITIONS }),
  );
  await admin.close();
});

afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.kill()));
  await broker?.stop();
});

describe.each(['binary', 'json'] as const)('%s', (protocol) => {
  test('publishes, reads, filters, resumes, commits', async () => {
    const seen = await roundTrip(url, protocol, protocol);
    expect(seen).toMatchObject({
      headers: 40,
      end: 40,
      committed: 11,
      filtered: 13,
      isTimed: true,
      resumed: [JSON.stringify([40, null, 'after'])],
    });
    expect(seen.offsets).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(seen.lines).toHaveLength(40);
    expect(seen.lines).toContain(JSON.stringify([5, 'odd-5', 'value 5']));
    expect(seen.lines).toContain(JSON.stringify([0, null, null]));
  });
});

describe('C25: codecs', () => {
  const value = new TextEncoder().encode(
    'a value that repeats itself, itself, itself. '.repeat(20),
  );
  let plain: Awaited<ReturnType<typeof readWithCodec>>;

  beforeAll(async () => {
    const producer = new Producer({ bootstrapServers: broker.bootstrap });
    const sends = Array.from({ length: 200 }, () => producer.send({ topic: 'packed', value }));
    await Promise.all(sends);
    await producer.close();
    plain = await readWithCodec(url, 'packed', 'none', 200);
  });

  afterEach(() => void vi.unstubAllGlobals());

  test('none is as they were written', () => {
    expect(plain).toMatchObject({ codecs: [Codec.NONE], bytes: 200 * value.length });
  });

  test.each([
    ['lz4', Codec.LZ4],
    ['deflate-raw', Codec.DEFLATE_RAW],
    ['zstd', Codec.ZSTD],
  ] as const)('%s gives equal records', async (name, codec) => {
    // No runtime of today inflates zstd in pages; one that does is played by Node's own zlib.
    vi.stubGlobal('DecompressionStream', WithZstd);
    expect(await readWithCodec(url, 'packed', name, 200)).toEqual({ ...plain, codecs: [codec] });
  });

  test('zstd where the runtime has none is not offered, so it is never sent', async () => {
    vi.stubGlobal('DecompressionStream', WithoutZstd);
    expect(await readWithCodec(url, 'packed', 'zstd', 200)).toEqual(plain);
  });
});

const PlatformStream = DecompressionStream;

class WithZstd {
  readonly readable;
  readonly writable;

  constructor(format: string) {
    const isZstd = format === 'zstd';
    const stream = isZstd
      ? Duplex.toWeb(createZstdDecompress())
      : new PlatformStream(format as 'gzip');
    this.readable = stream.readable;
    this.writable = stream.writable;
  }
}

class WithoutZstd extends PlatformStream {
  constructor(format: string) {
    if (format === 'zstd') throw new TypeError('Unsupported compression format');
    super(format as 'gzip');
  }
}

test(`C17, C18: cut off ${CUTS} times between two gateways while records come`, async () => {
  const { bootstrap } = broker;
  await cutOff({ bootstrap, gateways, topic: 'cut', partitionCount: PARTITIONS }, CUTS, 18);
});

test('C36, C47: kill -9 of the gateway under publishes and a reader', async () => {
  const { bootstrap } = broker;
  await ended({ bootstrap, gateways, topic: 'killed', partitionCount: 1 }, 'kill', 1);
});

test('C47: SIGTERM of the gateway under publishes and a reader ends with code 0 in its time', async () => {
  const { bootstrap } = broker;
  await ended({ bootstrap, gateways, topic: 'drained', partitionCount: 1 }, 'stop', 1);
});
