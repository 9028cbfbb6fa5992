import { describe, expect, test } from 'vitest';
import { gatewayConfigs } from './gateway-config.ts';
import { readGatewayConfig } from './read-config.ts';

const KEYED = [
  'gateway.auth.keys=keys.json',
  'gateway.auth.issuer=https://issuer.test',
  'gateway.auth.audience=millrace',
];
const read = (...overrides: string[]) => readGatewayConfig({ overrides: [...KEYED, ...overrides] });

test('what the reference names has its default', () => {
  const config = read();
  expect(config).toMatchObject({
    listen: { host: '127.0.0.1', port: 8089 },
    adminListen: { host: '127.0.0.1', port: 9189 },
    demo: false,
    processes: 1,
    hosts: [],
    origins: [],
    originsAllowMissing: false,
    kafkaBootstrapServers: '127.0.0.1:9092',
    ringPartitionBytes: 16_777_216,
    ringTotalBytes: 1_073_741_824,
    coldEgressRatio: 0.3,
    conflateTotalBytes: 268_435_456,
    connectionsMax: 15_000,
    connectionsUnauthenticatedMax: 512,
    handshakesPerAddress: 20,
    publishMaxBytes: 49_152,
    compressionCodecs: ['lz4', 'deflate-raw', 'zstd'],
    authMode: 'jwt',
    authAlgorithms: ['EdDSA', 'ES256', 'RS256'],
    memoryBytes: 2_147_483_648,
    admissionHigh: 0.85,
    drainDeadlineMs: 20_000,
  });
  expect(Object.keys(gatewayConfigs.rows)).toHaveLength(gatewayConfigs.byName.size);
});

test('C22: by default a stopped reader is told why before the kernel gives it up', () => {
  const { socketStallMs, socketUserTimeoutMs } = read();
  expect(socketUserTimeoutMs).toBeGreaterThanOrEqual(socketStallMs + 5000);
});

test('later wins: defaults of the caller, the file, the overrides', () => {
  const config = readGatewayConfig({
    defaults: new Map([
      ['gateway.tick.ms', '2'],
      ['gateway.demo', 'true'],
    ]),
    propertiesText: 'gateway.tick.ms=3\ngateway.feed.linger.ms=7\n',
    overrides: [...KEYED, 'gateway.feed.linger.ms=8'],
  });
  expect([config.tickMs, config.demo, config.feedLingerMs]).toEqual([3, true, 8]);
});

describe('one clear line', () => {
  test.each<[string, string, RegExp]>([
    ['an unknown key', 'gateway.lisen=127.0.0.1:1', /^gateway\.lisen is no setting/],
    ['no pair', 'gateway.demo', /key=value/],
    [
      'a value out of range',
      'gateway.hello.timeout.ms=1',
      /gateway\.hello\.timeout\.ms.*at least 100/,
    ],
    ['no number', 'gateway.connections.max=many', /gateway\.connections\.max/],
    ['an address without port', 'gateway.listen=localhost', /HOST:PORT/],
    ['a port too large', 'gateway.listen=127.0.0.1:65536', /HOST:PORT/],
    [
      'a public address without TLS',
      'gateway.listen=0.0.0.0:8089',
      /not loopback and there is no TLS/,
    ],
    ['a public IPv6 address without TLS', 'gateway.listen=[::]:8089', /not loopback/],
    ['a certificate without key', 'gateway.tls.cert=/dev/null', /go together/],
    ['the admin on the same address', 'gateway.admin.listen=127.0.0.1:8089', /must differ/],
    ['processes without a port', 'gateway.processes=2', /needs a port/],
    [
      'a ring above memory',
      'gateway.ring.total.bytes=3000000000',
      /gateway\.ring\.total\.bytes.*gateway\.memory\.bytes/,
    ],
    [
      'a publish above its message',
      'gateway.inbound.message.max.bytes=40000',
      /gateway\.publish\.max\.bytes.*gateway\.inbound\.message\.max\.bytes/,
    ],
    [
      'a ring without room for a record',
      'gateway.ring.partition.bytes=65536',
      /record\.max\.bytes/,
    ],
    [
      'a record that no client takes',
      'gateway.record.max.bytes=4194304',
      /gateway\.record\.max\.bytes.*no more than/,
    ],
    [
      'more subscriptions than Welcome can say',
      'gateway.subscriptions.max=65536',
      /gateway\.subscriptions\.max.*no more than/,
    ],
    [
      'more streams than a resume token can name',
      'gateway.streams.max=1025',
      /gateway\.streams\.max.*no more than/,
    ],
    ['a spread beyond the deadline', 'gateway.drain.spread.ms=30000', /gateway\.drain\.spread\.ms/],
    ['an origin with a path', 'gateway.origins=https://a.test/x', /SCHEME:\/\/HOST/],
    ['a host that is a URL', 'gateway.hosts=https://a.test', /HOST or HOST:PORT/],
    ['a codec nobody knows', 'gateway.compression.codecs=brotli', /must be one of/],
    ['alg none', 'gateway.auth.algorithms=none', /must be one of/],
    [
      'HS256 beside public keys',
      'gateway.auth.algorithms=HS256',
      /HS256 alone with gateway\.auth\.secret/,
    ],
    [
      'a secret beside public keys',
      `gateway.auth.secret=${'x'.repeat(32)}`,
      /excludes public keys/,
    ],
    ['keys over http', 'gateway.auth.jwks.url=http://a.test/keys', /https/],
    ['no issuer', 'gateway.auth.issuer=', /gateway\.auth\.issuer must be set/],
    ['a proxy that is no address', 'gateway.proxies=proxy.test', /ADDRESS/],
  ])('%s', (_, override, line) => {
    const overrides =
      override === 'gateway.processes=2' ? [override, 'gateway.listen=127.0.0.1:0'] : [override];
    expect(() => read(...overrides)).toThrow(line);
    try {
      read(...overrides);
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  test('a certificate that is none', () => {
    const files = ['gateway.tls.cert=/dev/null', 'gateway.tls.key=/nowhere'];
    expect(() => read(...files)).toThrow(
      /^gateway\.tls\.cert and gateway\.tls\.key cannot be used: /,
    );
  });

  test('C40: no key source is no start', () => {
    expect(() => readGatewayConfig({})).toThrow(/^Nothing tells whether a token is genuine/);
  });

  test('mode none is for loopback only', () => {
    const none = ['gateway.auth.mode=none'];
    expect(readGatewayConfig({ overrides: none }).authMode).toBe('none');
    const open = [...none, 'gateway.listen=0.0.0.0:1', 'gateway.tls.terminated.upstream=true'];
    expect(() => readGatewayConfig({ overrides: open })).toThrow(/lets everybody do everything/);
  });

  test('a secret needs 32 bytes and HS256', () => {
    const rest = [
      'gateway.auth.issuer=i',
      'gateway.auth.audience=a',
      'gateway.auth.algorithms=HS256',
    ];
    const secret = (text: string) =>
      readGatewayConfig({ overrides: [...rest, `gateway.auth.secret=${text}`] });
    expect(() => secret('short')).toThrow(/32 bytes/);
    expect(secret('x'.repeat(32)).authSecret).toHaveLength(32);
  });
});
