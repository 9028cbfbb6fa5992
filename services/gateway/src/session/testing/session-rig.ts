import { ManualClock, seededPrng, silentLogger } from '@millrace/base';
import {
  type ClientFrame,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  type FrameFields,
  type FrameKind,
  type FrameOf,
} from '@millrace/gateway-protocol';
import { readServerFrames } from '@millrace/testing';
import { AuthError } from '../../auth/auth-error.ts';
import type { Authenticator } from '../../auth/authenticator.ts';
import { grantsOf, readGrantsClaim } from '../../auth/grants-claim.ts';
import type { Revocable, Revocations } from '../../auth/revocations.ts';
import { readGatewayConfig } from '../../config/read-config.ts';
import { createGatewayMetrics } from '../../metrics.ts';
import {
  type MemoryClient,
  type MemoryRequest,
  MemorySocketServer,
} from '../../ws/memory-socket-server.ts';
import { Sessions } from '../sessions.ts';
import { FakeFanOut } from './fake-fan-out.ts';
import { FakeUpstream } from './fake-upstream.ts';

/** A token of these tests: its claims, in the open. Times are Unix ms. */
export interface TestToken {
  readonly sub?: string;
  readonly exp?: number;
  readonly jti?: string;
  readonly mr?: unknown;
}

const EVERYTHING = {
  v: 1,
  read: [{ topic: '*', watermark: true }],
  write: [{ topic: '*', leaderAck: true }],
  commit: ['*'],
};

export function testToken(token: TestToken = {}): string {
  return JSON.stringify(token);
}

const ALL_CAPS = 1 | 2 | 4 | 8 | 16 | 64;

/** Sessions over sockets in memory, a cluster in memory, and a clock that stands still. */
export class SessionRig {
  readonly clock = new ManualClock();
  readonly upstream = new FakeUpstream();
  readonly fanOut = new FakeFanOut();
  readonly metrics = createGatewayMetrics().families;
  readonly server: MemorySocketServer;
  readonly sessions: Sessions;
  readonly revoked = new Set<string>();
  memoryRatio = 0;
  /** Held: tokens are not answered until it is let go. */
  #tellRevoked: () => void = () => {};

  constructor(overrides: readonly string[] = []) {
    const config = readGatewayConfig({
      overrides: [
        'gateway.auth.mode=none',
        'gateway.hosts=gateway.test',
        'gateway.origins=https://app.test',
        'gateway.handshakes.per.address=100000',
        ...overrides,
      ],
    });
    const { clock, upstream, fanOut, metrics } = this;
    this.sessions = new Sessions({
      config,
      metrics,
      clock,
      random: seededPrng(7),
      log: silentLogger,
      authenticator: this.#authenticator(),
      revocations: this.#revocations(),
      upstream,
      fanOut,
      memoryRatio: () => this.memoryRatio,
    });
    this.server = new MemorySocketServer({
      handlers: this.sessions.handlers,
      messageBytesMax: config.inboundMessageMaxBytes,
    });
    void this.server.listen({ host: '', port: 0 });
  }

  /** Lets promises settle; no time passes. */
  settle(): Promise<void> {
    return this.clock.advanceAsync(1, 1);
  }

  advance(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms, Math.min(ms, 50));
  }

  revoke(jti: string): void {
    this.revoked.add(jti);
    this.#tellRevoked();
  }

  /** The status of an upgrade: 101, or what refused it. */
  upgrade(request: MemoryRequest): number {
    const made = this.server.connect(this.#request(request));
    return 'status' in made ? made.status : 101;
  }

  /** A client that has not said Hello. */
  open(isText = false, request: MemoryRequest = {}): RigClient {
    const protocol = isText ? 'millrace.v1.json' : 'millrace.v1.fb';
    const headers = { 'sec-websocket-protocol': protocol, ...request.headers };
    const made = this.server.connect(this.#request({ ...request, headers }));
    if ('status' in made) throw new Error(`refused with ${made.status}`);
    return new RigClient(made.client, isText);
  }

  /** A client that was welcomed. */
  async welcomed(
    hello: Partial<FrameFields<'hello'>> & { isText?: boolean; as?: TestToken } = {},
  ): Promise<RigClient> {
    const { isText = false, as = {}, ...fields } = hello;
    const client = this.open(isText);
    client.send({ kind: 'hello', caps: ALL_CAPS, token: testToken(as), ...fields });
    await this.settle();
    client.take('welcome');
    return client;
  }

  #request(request: MemoryRequest): MemoryRequest {
    return {
      ...request,
      headers: {
        host: 'gateway.test',
        origin: 'https://app.test',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'millrace.v1.fb',
        ...request.headers,
      },
    };
  }

  #authenticator(): Authenticator {
    const read = (text: string | null) => {
      if (text === null || !text.startsWith('{')) throw new AuthError('malformed', 'No token.');
      const { token, subject, claim } = understood(text);
      const expiresAtMs = token.exp ?? Number.MAX_SAFE_INTEGER;
      if (expiresAtMs <= this.clock.nowMs()) throw new AuthError('expired', 'Expired.');
      return { subject, expiresAtMs, claim, jti: token.jti ?? null };
    };
    return {
      verify: async (text) => {
        const { subject, expiresAtMs, claim, jti } = read(text);
        const { tenant } = claim;
        return { subject, tenant, expiresAtMs, issuedAtMs: 0, jti, grants: grantsOf(claim) };
      },
      verifyGrant: async (text, principal) => {
        const { subject, expiresAtMs, claim, jti } = read(text);
        if (subject !== principal.subject || claim.read.length !== 1)
          throw new AuthError('grants', 'Not a grant.');
        const { tenant } = claim;
        const { mayRead } = grantsOf(claim);
        return { subject, tenant, jti, issuedAtMs: 0, expiresAtMs, mayRead };
      },
    };
  }

  #revocations(): Revocations {
    return {
      isRevoked: ({ jti }: Revocable) => jti !== null && this.revoked.has(jti),
      onChange: (listener) => {
        this.#tellRevoked = listener;
      },
    };
  }
}

/** Whatever is wrong with a token is an AuthError, as it is of the real authenticator. */
function understood(text: string) {
  try {
    const token = JSON.parse(text) as TestToken;
    const subject = String(token.sub ?? 'ann');
    return { token, subject, claim: readGrantsClaim(token.mr ?? EVERYTHING, subject) };
  } catch (cause) {
    throw new AuthError('claims', 'The token is not understood.', { cause });
  }
}

/** The far end, in frames. */
export class RigClient {
  readonly raw: MemoryClient;
  readonly isText: boolean;
  #readCount = 0;
  readonly #frames: Frame[] = [];

  constructor(raw: MemoryClient, isText: boolean) {
    this.raw = raw;
    this.isText = isText;
  }

  send(...frames: FrameFields<ClientFrame['kind']>[]): void {
    const parts = frames.map((frame) =>
      this.isText
        ? Buffer.from(encodeJsonFrame(frame as Parameters<typeof encodeJsonFrame>[0]))
        : encodeFrame(frame as Parameters<typeof encodeFrame>[0]),
    );
    const joined = this.isText
      ? Buffer.from(parts.map((part) => Buffer.from(part).toString()).join('\n'))
      : Buffer.concat(parts);
    this.raw.send(joined, this.isText);
  }

  /** Everything that came and was not taken yet, oldest first. */
  frames(): readonly Frame[] {
    const { received } = this.raw;
    for (; this.#readCount < received.length; this.#readCount++) {
      const { bytes, isText } = received[this.#readCount] as (typeof received)[number];
      this.#frames.push(...readServerFrames(bytes, isText));
    }
    return this.#frames;
  }

  /** Removes and returns the first frame of a kind. @throws Error when there is none. */
  take<K extends FrameKind>(kind: K): FrameOf<K> {
    const frames = this.frames() as Frame[];
    const at = frames.findIndex((frame) => frame.kind === kind);
    const kinds = frames.map((frame) => frame.kind).join(', ');
    if (at < 0)
      throw new Error(`no ${kind} among: ${kinds}; closed: ${JSON.stringify(this.raw.closed)}`);
    return frames.splice(at, 1)[0] as FrameOf<K>;
  }

  /** Kinds of what came and was not taken yet. */
  kinds(): FrameKind[] {
    return this.frames().map(({ kind }) => kind);
  }

  /** Forgets what came. */
  clear(): void {
    this.frames();
    this.#frames.length = 0;
  }

  get closeCode(): number | null {
    return this.raw.closed?.code ?? null;
  }
}
