import { expect, test } from 'vitest';
import { TrustedProxies } from './client-address.ts';

const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);

test.each([
  ['a peer that is no proxy is not believed', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
  ['a proxy names the client', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
  [
    'what the client made up stands further left',
    '10.1.2.3',
    '1.2.3.4, 203.0.113.9',
    '203.0.113.9',
  ],
  ['proxies before proxies', '10.1.2.3', '203.0.113.9, 192.0.2.7', '203.0.113.9'],
  ['IPv6', '2001:db8::1', '2a00::5', '2a00::5'],
  ['IPv4 inside IPv6', '10.1.2.3', '::ffff:203.0.113.9', '203.0.113.9'],
  ['IPv4 inside IPv6, in groups', '10.1.2.3', '::ffff:cb00:7109', '203.0.113.9'],
  ['of which proxies have some too', '10.1.2.3', '1.2.3.4, 0:0:0:0:0:FFFF:192.0.2.7', '1.2.3.4'],
  ['nothing forwarded', '10.1.2.3', '', '10.1.2.3'],
  ['nonsense ends it', '10.1.2.3', '203.0.113.9, x', '10.1.2.3'],
  ['a flood is not read', '10.1.2.3', '1.1.1.1,'.repeat(200), '10.1.2.3'],
])('%s', (_, peer, forwarded, client) => {
  expect(proxies.clientAddress(peer, () => forwarded, '')).toBe(client);
});

test.each([
  ['a peer that is no proxy is not believed', '203.0.113.9', '1.2.3.4', '', '203.0.113.9'],
  ['a proxy names the client', '10.1.2.3', '203.0.113.9', '', '203.0.113.9'],
  ['IPv6', '10.1.2.3', '2a00:0:0:0:0:0:0:5', '', '2a00:0:0:0:0:0:0:5'],
  ['who came through it may not name another', '10.1.2.3', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
  ['but a proxy behind it may', '10.1.2.3', '192.0.2.7', '203.0.113.9', '203.0.113.9'],
])('PROXY header: %s', (_, peer, proxied, forwarded, client) => {
  expect(proxies.clientAddress(peer, () => forwarded, proxied)).toBe(client);
});

test('without proxies nobody is believed; what is no address is refused', () => {
  expect(new TrustedProxies([]).clientAddress('10.0.0.1', () => '1.2.3.4', '5.6.7.8')).toBe(
    '10.0.0.1',
  );
  for (const item of ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/']) {
    expect(() => new TrustedProxies([item])).toThrow(item);
  }
});
