/** Bad clients beside good ones: each bad one is rejected as documented, and the good ones hardly notice. */
import { encodeFrame } from '@millrace/gateway-protocol';
import type { Bench } from '../bench.ts';
import { figuresOf, grouped, percent, type Section, warnings } from '../figures.ts';
import { gatewayRequest, HELLO, hex, request } from '../frames.ts';
import type { Group, Report, Variant } from '../generator.ts';
import { keyed } from '../keyed.ts';

const GOOD = 500;
const HANDSHAKES_PER_SECOND = 10_000;
/** They stay for 5 s each and must fit below the bound on unauthenticated connections. */
const SILENT_PER_SECOND = 50;
/** Handshakes come from here, more than any limit below would let through. */
const OVERRIDES = {
  'gateway.handshakes.per.second': '1000000',
  'gateway.handshakes.per.address': '1000000',
};

export async function abuse(bench: Bench): Promise<Section[]> {
  const server = await bench.gateway(OVERRIDES);
  try {
    const clients = Math.min(GOOD, bench.options.clients);
    const { group, feed } = await keyed(bench, server, { clients });
    const variants = badVariants(server.address);
    const groups: Group[] = [
      group,
      { count: 2_000, variants, mode: 'churn', fromPhase: 1, rate: HANDSHAKES_PER_SECOND },
      {
        ...{ count: 8 * SILENT_PER_SECOND, mode: 'churn', fromPhase: 1, rate: SILENT_PER_SECOND },
        variants: [{ request: gatewayRequest(server.address), expect: 'close 4502' }],
      },
    ];
    const seconds = Math.max(8, bench.options.seconds);
    const phase = { warmupSeconds: 1, seconds, feeds: [feed], sampleEvery: 1 };
    const reports = await bench.load(server, groups, [
      { ...phase, name: 'alone' },
      { ...phase, name: 'beside bad ones' },
    ]);
    return [section(reports, clients)];
  } finally {
    await server.stop();
  }
}

function badVariants(address: string): Variant[] {
  const subprotocol = { 'Sec-WebSocket-Protocol': 'millrace.v1.fb' };
  const origin = { Origin: `http://${address}` };
  const garbage = Buffer.alloc(64, 0xa5);
  const subscribe = encodeFrame({ kind: 'subscribe', req: 1, sub: 1, topic: 'none' });
  const hello = encodeFrame(HELLO);
  const cut = hello.subarray(0, hello.length - 8);
  const good = gatewayRequest(address);
  const refused = (expect: string, path: string, headers: Record<string, string>): Variant => ({
    request: request(address, path, { ...subprotocol, ...origin, ...headers }),
    expect: `http ${expect}`,
  });
  return [
    refused('403', '/v1/ws', { Origin: 'http://evil.example' }),
    refused('403', '/v1/ws', { Origin: 'null' }),
    refused('404', '/v2/ws', {}),
    refused('400', '/v1/ws?token=secret', {}),
    refused('400', '/v1/ws', { 'Sec-WebSocket-Protocol': 'graphql-ws' }),
    refused('421', '/v1/ws', { Host: 'elsewhere.example' }),
    refused('426', '/v1/ws', { 'Sec-WebSocket-Version': '8' }),
    ...[garbage, subscribe, cut].map((bytes) => ({
      ...{ request: good, hello: hex(bytes), expect: 'close 4501' },
    })),
  ];
}

function section(reports: readonly Report[], clients: number): Section {
  const [alone, beside] = reports;
  if (alone === undefined || beside === undefined) throw new Error('two phases, two reports');
  const ends = Object.entries(beside.outcomes);
  const count = (wanted: (name: string) => boolean) =>
    ends.filter(([name]) => wanted(name)).reduce((all, [, times]) => all + times, 0);
  // Whoever finds the gateway's room for strangers taken gets 503 before anything else of him is looked at.
  const isWrong = (name: string) => name.includes(' for ') && !name.startsWith('http 503 ');
  const seconds = beside.machine.seconds;
  return {
    title: `Abuse beside ${clients} good clients`,
    columns: ['phase', 'p50 ms', 'p99 ms', 'core 0 busy', 'core 1 idle'],
    rows: reports.map((report) => {
      const figures = figuresOf(report);
      const shares = [percent(figures.core0Busy), percent(figures.core1Idle)];
      return [report.phase, grouped(report.p50Ms, 2), grouped(report.p99Ms, 2), ...shares];
    }),
    verdicts: [
      { what: "the good ones' p99, beside / alone", value: beside.p99Ms / alone.p99Ms, atMost: 2 },
      { what: 'bad clients that ended otherwise', value: count(isWrong), atMost: 0, digits: 0 },
    ],
    notes: [
      `${grouped(count((name) => !isWrong(name)) / seconds)} bad clients a second were rejected as documented`,
      ...warnings('M', reports),
    ],
  };
}
