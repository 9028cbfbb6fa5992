import {
  CloseCode,
  encodeFrame,
  encodeJsonFrame,
  type JsonFrameInput,
} from '@millrace/gateway-protocol';
import type { Target } from '../../../packages/gateway-protocol/fuzz/guided.ts';
import { mutateBinary, mutateText } from '../../../packages/gateway-protocol/fuzz/mutations.ts';
import { frameSeeds } from '../../../packages/gateway-protocol/fuzz/seeds.ts';
import { SessionRig, testToken } from '../src/session/testing/session-rig.ts';

const TOPIC = 'orders';
/** Of a connection that shall die of nothing but its message. */
const GENEROUS = [
  'gateway.connections.per.principal=1000000',
  'gateway.handshakes.per.second=1000000',
  'gateway.handshakes.per.address=1000000',
  'gateway.requests.per.second=1000000',
];
/** A canary is asked now and then whether it lives. */
const CANARY_EVERY = 64;
const RIG_INPUTS_MAX = 4_096;

/** What a connection is when the message comes. */
interface State {
  readonly name: string;
  readonly isText: boolean;
  readonly isWelcomed: boolean;
}

const STATES: readonly State[] = [
  { name: 'Hello', isText: false, isWelcomed: false },
  { name: 'Hello, JSON', isText: true, isWelcomed: false },
  { name: 'session', isText: false, isWelcomed: true },
  { name: 'session, JSON', isText: true, isWelcomed: true },
];

/** Messages to a gateway's sessions: the first one of a connection, and one after Welcome and a subscription. */
export function sessionTargets(): Target[] {
  return STATES.map((state) => {
    const subject = new Subject(state);
    return {
      name: state.name,
      seeds: [...frameSeeds(state.isText, 'client'), ...ownSeeds(state)],
      mutate: state.isText ? mutateText : mutateBinary,
      run: (message) => subject.take(message),
    };
  });
}

/** Frames that mean something to the cluster of the rig. */
function ownSeeds({ isText }: State): Uint8Array[] {
  const frames: JsonFrameInput[] = [
    { kind: 'hello', caps: 127, token: testToken() },
    { kind: 'subscribe', req: 2, sub: 2, topic: TOPIC, start: 1 },
    { kind: 'subscribe', req: 2, sub: 2, topic: TOPIC, start: 5, lastN: 3, credit: 4_096 },
    { kind: 'unsubscribe', req: 3, sub: 1 },
    { kind: 'credit', sub: 1, add: 1_000 },
    {
      kind: 'commit',
      req: 4,
      sub: 1,
      name: 'mine',
      offsets: [{ offset: 3n, partition: 0, epoch: 0 }],
    },
    { kind: 'publish', seq: 1n, topic: TOPIC, partition: 0, value: Uint8Array.of(1) },
    { kind: 'auth', req: 5, token: testToken({ mr: { v: 1, read: [{ topic: 'o*' }] } }) },
  ];
  return frames.map((frame) => (isText ? Buffer.from(encodeJsonFrame(frame)) : encodeFrame(frame)));
}

/** A gateway of its own for each state, made anew before its memory tells of all that went before. */
class Subject {
  readonly #state: State;
  #rig: SessionRig | null = null;
  #inputs = 0;

  constructor(state: State) {
    this.#state = state;
  }

  /** @throws Error when the gateway calls it its own fault, answers with a bad frame, or keeps what is gone. */
  async take(message: Uint8Array): Promise<void> {
    if (this.#inputs++ % RIG_INPUTS_MAX === 0) this.#rig = newRig();
    const rig = this.#rig as SessionRig;
    const { isText, isWelcomed } = this.#state;
    const client = isWelcomed ? await rig.welcomed({ isText }) : rig.open(isText);
    if (isWelcomed) {
      client.send({ kind: 'subscribe', req: 1, sub: 1, topic: TOPIC, start: 0 });
      await rig.settle();
    }
    client.raw.send(message, isText);
    await rig.settle();
    client.frames();
    if (client.closeCode === CloseCode.INTERNAL) throw new Error('a handler failed');
    if (!isWelcomed && client.closeCode === null && !client.kinds().includes('welcome'))
      throw new Error('a first message was neither welcomed nor refused');
    client.raw.close(1000);
    if (this.#inputs % CANARY_EVERY === 0) await canary(rig);
  }
}

function newRig(): SessionRig {
  const rig = new SessionRig(GENEROUS);
  for (const partition of rig.upstream.create(TOPIC, 2)) partition.end = 100;
  return rig;
}

async function canary(rig: SessionRig): Promise<void> {
  const client = await rig.welcomed();
  client.send({ kind: 'ping', nonce: 5 });
  await rig.settle();
  client.take('pong');
  client.raw.close(1000);
  await rig.settle();
  const held = rig.sessions.open;
  if (held > 0) throw new Error(`${held} connections are held after they were closed`);
}
