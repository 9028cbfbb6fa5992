import { describe, expect, test } from 'vitest';
import { SessionRig } from './testing/session-rig.ts';

const protocol = (value: string) => ({ headers: { 'sec-websocket-protocol': value } });
const bearer = `millrace.bearer.${Buffer.from('a.b.c').toString('base64url')}`;

describe('C03: an upgrade', () => {
  test.each([
    ['as it should be', {}, 101],
    ['JSON', protocol('millrace.v1.json'), 101],
    ['with a bearer token beside it', protocol(`${bearer}, millrace.v1.fb`), 101],
    ['another path', { path: '/v2/ws' }, 404],
    ['another host', { headers: { host: 'evil.test' } }, 421],
    ['version 8', { headers: { 'sec-websocket-version': '8' } }, 426],
    ['a query string', { query: 'token=x' }, 400],
    ['an empty query string', { query: '' }, 400],
    ['no subprotocol', protocol(''), 400],
    ['both subprotocols', protocol('millrace.v1.fb, millrace.v1.json'), 400],
    ['only a bearer token', protocol(bearer), 400],
    ['two bearer tokens', protocol(`millrace.v1.fb, ${bearer}, ${bearer}`), 400],
    ['a bearer token that is none', protocol('millrace.v1.fb, millrace.bearer.!'), 400],
    ['an unknown subprotocol', protocol('mqtt'), 400],
    ['an unknown one beside ours', protocol('millrace.v1.fb, mqtt'), 400],
  ])('%s', (_, request, status) => {
    expect(new SessionRig().upgrade(request)).toBe(status);
  });

  test('echoes the real subprotocol only', () => {
    const rig = new SessionRig();
    const made = rig.server.connect({
      headers: {
        host: 'gateway.test',
        origin: 'https://app.test',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': `${bearer}, millrace.v1.json`,
      },
    });
    expect(made).toMatchObject({ protocol: 'millrace.v1.json' });
  });
});

describe('C04: the Origin', () => {
  test.each([
    ['wrong', 'https://evil.test', 403],
    ['null', 'null', 403],
    ['with a suffix', 'https://app.test.evil.test', 403],
    ['with a prefix', 'https://notapp.test', 403],
    ['with a user', 'https://app.test@evil.test', 403],
    ['on another port', 'https://app.test:8443', 403],
    ['of another scheme', 'http://app.test', 403],
    ['in upper case', 'HTTPS://APP.TEST', 101],
    ['missing', '', 403],
  ])('%s', (_, origin, status) => {
    expect(new SessionRig().upgrade({ headers: { origin } })).toBe(status);
  });

  test('may be missing where that is allowed', () => {
    const rig = new SessionRig(['gateway.origins.allow.missing=true']);
    expect(rig.upgrade({ headers: { origin: '' } })).toBe(101);
    expect(rig.upgrade({ headers: { origin: 'null' } })).toBe(403);
  });
});

describe('limits before the handshake', () => {
  test('so many a second from one address, from one IPv6 /64', async () => {
    const rig = new SessionRig(['gateway.handshakes.per.address=2']);
    const from = (peerAddress: string) => rig.upgrade({ peerAddress });
    expect([from('10.0.0.1'), from('10.0.0.1'), from('10.0.0.1')]).toEqual([101, 101, 429]);
    expect(from('10.0.0.2')).toBe(101);
    const six = ['1', '2', '3'].map((host) => from(`2001:db8:0:7:0:0:0:${host}`));
    expect(six).toEqual([101, 101, 429]);
    expect(from('2001:db8:0:8:0:0:0:1')).toBe(101);
    await rig.advance(1000);
    expect(from('10.0.0.1')).toBe(101);
  });

  test('so many a second in all', () => {
    const rig = new SessionRig(['gateway.handshakes.per.second=2']);
    const all = ['1', '2', '3'].map((host) => rig.upgrade({ peerAddress: `10.0.0.${host}` }));
    expect(all).toEqual([101, 101, 503]);
  });

  test('says when to come again', () => {
    const rig = new SessionRig(['gateway.handshakes.per.second=1']);
    rig.upgrade({});
    const made = rig.server.connect({});
    expect(made).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });

  test('C46: so many connections, so many of one address, so many that have not said Hello', async () => {
    const all = new SessionRig(['gateway.connections.max=2']);
    expect([1, 2, 3].map(() => all.upgrade({}))).toEqual([101, 101, 503]);
    const address = new SessionRig(['gateway.connections.per.address=1']);
    const from = (peerAddress: string) => address.upgrade({ peerAddress });
    expect([from('10.0.0.1'), from('10.0.0.1'), from('10.0.0.2')]).toEqual([101, 503, 101]);
    const silent = new SessionRig(['gateway.connections.unauthenticated.max=1']);
    await silent.welcomed();
    expect([1, 2].map(() => silent.upgrade({}))).toEqual([101, 503]);
  });

  test('counts what was refused', () => {
    const rig = new SessionRig();
    rig.upgrade({ path: '/x' });
    rig.upgrade({ headers: { origin: 'null' } });
    expect(rig.metrics.handshakesRejected.with('path').value).toBe(1);
    expect(rig.metrics.handshakesRejected.with('origin').value).toBe(1);
  });
});
