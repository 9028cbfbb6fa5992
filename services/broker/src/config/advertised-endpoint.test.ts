import { expect, it } from 'vitest';
import { advertisedEndpoint } from './advertised-endpoint.ts';

const door = { localAddress: '10.0.0.5', localPort: 9092, listener: 'PLAINTEXT' };
const listener = (name: string, host: string, port: number) => ({ name, host, port });

it.each([
  ['nothing set: where the client came in', null, door, '10.0.0.5:9092'],
  [
    'an IPv4 client of an IPv6 socket',
    null,
    { ...door, localAddress: '::ffff:127.0.0.1' },
    '127.0.0.1:9092',
  ],
  [
    'the listener of the same name',
    [listener('OTHER', 'x', 1), listener('PLAINTEXT', 'kafka.example', 19092)],
    door,
    'kafka.example:19092',
  ],
  ['another listener only', [listener('OTHER', 'x', 1)], door, '10.0.0.5:9092'],
  [
    'port 0: the port that was bound',
    [listener('PLAINTEXT', 'kafka.example', 0)],
    door,
    'kafka.example:9092',
  ],
])('%s', (_what, advertisedListeners, from, expected) => {
  const { host, port } = advertisedEndpoint({ advertisedListeners }, from);
  expect(`${host}:${port}`).toBe(expected);
});
