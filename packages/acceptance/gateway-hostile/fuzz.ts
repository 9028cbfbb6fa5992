import type { Prng } from '@millrace/base';
import { encodeFrame, encodeJsonFrame, type JsonFrameInput } from '@millrace/gateway-protocol';
import { mutateBinary, mutateText } from '../../gateway-protocol/fuzz/mutations.ts';
import { frameSeeds } from '../../gateway-protocol/fuzz/seeds.ts';
import { type BarrageReport, barrage } from '../hostile/barrage.ts';
import type { GatewayCanary } from './canary.ts';
import { Opcode, RawWebSocket, webSocketFrame } from './raw-web-socket.ts';

const CONNECTIONS_AT_ONCE = 16;
const MESSAGES_PER_CONNECTION = 24;
/** What a canary's song may take on a machine that does other things. */
const CANARY_MS_MAX = 10_000;
/** A connection that the gateway does not end is ended by its client. */
const TALK_MS_MAX = 200;
const HELLO: JsonFrameInput = { kind: 'hello', caps: 127 };
/** What frames carry that is no business of logs: no log may hold it, however the frame was damaged (C51). */
export const CONFIDENTIAL = ['token: Qk3-xV8', 'key: Lm5-tR2', 'value: Hd9-wB4'] as const;
const [TOKEN, KEY, VALUE] = CONFIDENTIAL;
const CONFIDENTIAL_FRAMES: readonly JsonFrameInput[] = [
  { kind: 'hello', caps: 127, token: TOKEN },
  { kind: 'auth', req: 1, token: TOKEN },
  { kind: 'subscribe', req: 1, sub: 1, topic: 'confidential', grant: TOKEN },
  { kind: 'publish', seq: 1n, topic: 'confidential', key: bytes(KEY), value: bytes(VALUE) },
];

export interface GatewayFuzzOptions {
  readonly port: number;
  readonly canary: GatewayCanary;
  readonly seed: number;
  readonly messageCount: number;
  /** Called now and then with the messages so far. */
  readonly note?: (messageCount: number) => void;
}

/** Ways of saying the same. */
interface Dialect {
  readonly subprotocol: string;
  readonly opcode: number;
  readonly hello: Uint8Array;
  readonly originals: readonly Uint8Array[];
  readonly mutate: typeof mutateBinary;
}

function dialects(): readonly Dialect[] {
  return [
    {
      subprotocol: 'millrace.v1.fb',
      opcode: Opcode.BINARY,
      hello: encodeFrame(HELLO),
      originals: [...frameSeeds(false, 'client'), ...CONFIDENTIAL_FRAMES.map(encodeFrame)],
      mutate: mutateBinary,
    },
    {
      subprotocol: 'millrace.v1.json',
      opcode: Opcode.TEXT,
      hello: bytes(encodeJsonFrame(HELLO)),
      originals: [
        ...frameSeeds(true, 'client'),
        ...CONFIDENTIAL_FRAMES.map((frame) => bytes(encodeJsonFrame(frame))),
      ],
      mutate: mutateText,
    },
  ];
}

/**
 * Mutated messages over real sockets to a gateway, while its canary has to be served.
 * @throws Error, with the seed, when it is not.
 */
export function gatewayFuzz(options: GatewayFuzzOptions): Promise<BarrageReport> {
  const { port, canary, seed, messageCount, note } = options;
  const spoken = dialects();
  return barrage({
    ...{ seed, connectionsAtOnce: CONNECTIONS_AT_ONCE, messageCount },
    talk: (random) => talk(port, spoken, random),
    sing: () => canary.sing(),
    canaryMsMax: CANARY_MS_MAX,
    note: (report) => note?.(report.messageCount),
  });
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** One connection: mostly a right Hello, then changed messages, until either end has enough. */
async function talk(
  port: number,
  spoken: readonly Dialect[],
  random: Prng,
): Promise<{ sent: number; isEnded: boolean }> {
  const { subprotocol, opcode, hello, originals, mutate } = spoken[
    random.below(spoken.length)
  ] as Dialect;
  const socket = await RawWebSocket.open(port, subprotocol);
  if (random.below(4) !== 0) socket.send(webSocketFrame(opcode, hello));
  let sent = 0;
  while (sent < MESSAGES_PER_CONNECTION && !socket.isClosed) {
    const original = originals[random.below(originals.length)] as Uint8Array;
    socket.send(webSocketFrame(opcode, mutate(original, originals, random)));
    sent++;
    // Time for the other end to say that it has had enough.
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.send(webSocketFrame(Opcode.CLOSE, Buffer.alloc(0)));
  let isLeft = false;
  const timer = setTimeout(() => {
    isLeft = true;
    socket.destroy();
  }, TALK_MS_MAX);
  await socket.closed();
  clearTimeout(timer);
  return { sent, isEnded: !isLeft };
}
