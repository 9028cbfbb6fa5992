import { readGatewayConfig } from '@millrace/gateway';
import { expect, test } from 'vitest';
import { developmentDefaults, splitSettings } from './development-mode.ts';

test('what begins with gateway. is the gateway’s, everything else the broker’s', () => {
  const file = 'num.partitions=3\ngateway.tick.ms=2\n';
  const overrides = ['gateway.listen=127.0.0.1:8189', 'log.dirs=/data'];
  const { broker, gateway, gatewayListen } = splitSettings(file, overrides, {});
  expect(broker.propertiesText).toBe('num.partitions=3\n');
  expect(gateway.propertiesText).toBe('gateway.tick.ms=2\n');
  expect(gateway.overrides).toEqual(['gateway.listen=127.0.0.1:8189']);
  expect(gatewayListen).toBe('127.0.0.1:8189');
  expect(broker.overrides).toEqual(['listeners=PLAINTEXT://127.0.0.1:9092', 'log.dirs=/data']);
});

test.each([
  ['the file', 'listeners=PLAINTEXT://:9092\n', [], {}],
  ['an override', undefined, ['listeners=PLAINTEXT://:9192'], {}],
  ['the environment', undefined, [], { KAFKA_LISTENERS: 'PLAINTEXT://:9092' }],
] as const)('listeners that %s names are left alone', (_, file, overrides, environment) => {
  expect(splitSettings(file, overrides, environment).broker.overrides).toEqual(overrides);
});

test('development mode is open, for this machine only', () => {
  const defaults = developmentDefaults('127.0.0.1:8189', '127.0.0.1:9092');
  const config = readGatewayConfig({ defaults, overrides: ['gateway.listen=127.0.0.1:8189'] });
  expect(config).toMatchObject({ authMode: 'none', demo: true, originsAllowMissing: true });
  expect(config.hosts).toContainEqual({ host: '127.0.0.1', port: 8189 });
  expect(config.origins).toContain('http://localhost:8189');
  expect(config.origins).not.toContain('http://localhost');
  const open = ['gateway.listen=0.0.0.0:8189', 'gateway.tls.terminated.upstream=true'];
  expect(() => readGatewayConfig({ defaults, overrides: open })).toThrow(/not loopback/);
});
