import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { Clock, Timer } from '@millrace/base';
import { Reader, Writer } from '@millrace/bytes';
import {
  type ApiCodec,
  type ApiSpec,
  type ApiVersionsResponse,
  apiVersionsApi,
  decodeResponseHeader,
  ErrorCode,
  encodeRequestHeader,
  errorName,
  saslAuthenticateApi,
  saslHandshakeApi,
} from '@millrace/protocol';
import { FrameCutter } from './frame-cutter.ts';
import type { SaslMechanism } from './sasl.ts';
import { WireConnectionError } from './wire-error.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** Durations in ms, sizes in bytes. */
export interface WireOptions {
  readonly clock: Clock;
  /** Sent in every request header; brokers use it in logs and quotas. */
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Largest answer accepted. */
  readonly maxFrameBytes: number;
  /** Absent: plaintext. */
  readonly tls?: TlsOptions | undefined;
  /** Absent: no authentication. */
  readonly sasl?: SaslMechanism | undefined;
}

/** What a broker serves of one API. */
export interface VersionRange {
  readonly minVersion: number;
  readonly maxVersion: number;
}

export interface RequestOptions {
  /** Never above this version (a field we rely on may change its meaning later). */
  readonly maxVersion?: number;
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly settle: (reader: Reader) => void;
  readonly fail: (error: Error) => void;
  readonly timer: Timer;
}

/** ApiVersions 4 is understood since Kafka 3.9; older brokers answer which version they have (KIP-511). */
const API_VERSIONS_FIRST = 4;
const SOFTWARE_NAME = 'millrace';
const SOFTWARE_VERSION = '0.1.0';
/** What one read takes at most. */
const CHUNK_BYTES = 65_536;

/**
 * One connection to one broker, with versions agreed and credentials proven. Requests may be pipelined
 * without bound by this class: callers bound what they have in flight. Answers are matched by
 * correlation id. After any failure the connection is over: every waiting request fails and `closed` is true.
 */
export class BrokerConnection {
  readonly address: BrokerAddress;
  /** Called once when the connection is over. */
  onClose: (error: Error) => void = () => {};
  readonly #options: WireOptions;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #writer = new Writer();
  readonly #ranges = new Map<number, VersionRange>();
  readonly #cutter: FrameCutter;
  #correlationId = 0;
  #failure: Error | undefined;

  private constructor(
    address: BrokerAddress,
    options: WireOptions,
    { socket, input }: OpenedSocket,
  ) {
    this.address = address;
    this.#options = options;
    this.#socket = socket;
    this.#cutter = new FrameCutter(options.maxFrameBytes, (body) => this.#take(body));
    input.take = (chunk) => {
      try {
        this.#cutter.push(chunk);
      } catch (error) {
        this.#end(error as Error);
      }
    };
    socket.on('error', (error) => this.#end(this.#closedError(error)));
    socket.on('close', () => this.#end(this.#closedError()));
  }

  /** Connects, agrees on versions and authenticates. @throws WireConnectionError */
  static async open(address: BrokerAddress, options: WireOptions): Promise<BrokerConnection> {
    const opened = await openSocket(address, options);
    const connection = new BrokerConnection(address, options, opened);
    try {
      await connection.#agree();
      if (options.sasl !== undefined) await connection.#authenticate(options.sasl);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /** Requests sent and not answered. */
  get inFlightCount(): number {
    return this.#waiting.size;
  }

  /** What the broker serves of an API; undefined when nothing. */
  rangeOf(apiKey: number): VersionRange | undefined {
    return this.#ranges.get(apiKey);
  }

  /** The highest version both sides speak. @throws WireConnectionError `unsupported-version` */
  versionOf(api: ApiSpec, maxVersion = api.maxVersion): number {
    const range = this.#ranges.get(api.key);
    const version = Math.min(range?.maxVersion ?? -1, api.maxVersion, maxVersion);
    if (version < Math.max(range?.minVersion ?? 0, api.minVersion)) {
      const theirs = range === undefined ? 'none' : `${range.minVersion}–${range.maxVersion}`;
      throw new WireConnectionError(
        'unsupported-version',
        `${this.#name()} serves ${theirs} of ${api.name}; we speak ${api.minVersion}–${Math.min(api.maxVersion, maxVersion)}`,
      );
    }
    return version;
  }

  /** Sends a request and gives its answer, whose byte fields are views of the answer's own memory, until `recycle`. */
  request<Req, Res, In, ResIn>(
    api: ApiCodec<Req, Res, In, ResIn>,
    request: In,
    options: RequestOptions = {},
  ): Promise<Res> {
    return this.#send(api, request, this.versionOf(api, options.maxVersion), options.timeoutMs);
  }

  /** Sends a request that has no answer (Produce with acks=0). */
  send<Req, Res, In, ResIn>(
    api: ApiCodec<Req, Res, In, ResIn>,
    request: In,
    options: RequestOptions = {},
  ): void {
    this.#write(api, request, this.versionOf(api, options.maxVersion));
  }

  /** Nobody reads a byte field of an answer, nor any other of that answer, any more: a later one may lie there. */
  recycle(bytes: Uint8Array): void {
    this.#cutter.recycle(bytes.buffer);
  }

  /** Ends the connection; waiting requests fail with kind `closed`. */
  close(): void {
    this.#end(this.#closedError());
  }

  #send<Req, Res, In, ResIn>(
    api: ApiCodec<Req, Res, In, ResIn>,
    request: In,
    version: number,
    timeoutMs = this.#options.requestTimeoutMs,
  ): Promise<Res> {
    return new Promise((resolve, reject) => {
      const correlationId = this.#write(api, request, version);
      const timer = this.#options.clock.setTimer(timeoutMs, () => {
        const text = `${this.#name()} did not answer ${api.name} within ${timeoutMs} ms`;
        this.#end(new WireConnectionError('timeout', text));
      });
      this.#waiting.set(correlationId, {
        apiKey: api.key,
        apiVersion: version,
        settle: (reader) => resolve(api.decodeResponse(reader, version)),
        fail: reject,
        timer,
      });
    });
  }

  #write<Req, Res, In, ResIn>(
    api: ApiCodec<Req, Res, In, ResIn>,
    request: In,
    version: number,
  ): number {
    if (this.#failure !== undefined) throw this.#failure;
    const correlationId = this.#correlationId;
    this.#correlationId = (correlationId + 1) & 0x7fffffff;
    const writer = this.#writer.reset();
    writer.int32(0);
    encodeRequestHeader(writer, {
      apiKey: api.key,
      apiVersion: version,
      correlationId,
      clientId: this.#options.clientId,
    });
    api.encodeRequest(writer, request, version);
    const bytes = writer.finishBytes().slice();
    new DataView(bytes.buffer).setInt32(0, bytes.length - 4);
    this.#socket.write(bytes);
    return correlationId;
  }

  #take(body: Uint8Array): void {
    const correlationId = new DataView(body.buffer, body.byteOffset, body.length).getInt32(0);
    const waiting = this.#waiting.get(correlationId);
    if (waiting === undefined) {
      throw new WireConnectionError(
        'protocol',
        `${this.#name()} answered correlation id ${correlationId}, which nobody waits for`,
      );
    }
    this.#waiting.delete(correlationId);
    waiting.timer.cancel();
    const reader = new Reader(body);
    try {
      decodeResponseHeader(reader, waiting.apiKey, waiting.apiVersion);
      waiting.settle(reader);
    } catch (error) {
      waiting.fail(error as Error);
      throw error;
    }
  }

  #end(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    for (const waiting of this.#waiting.values()) {
      waiting.timer.cancel();
      waiting.fail(error);
    }
    this.#waiting.clear();
    this.onClose(error);
  }

  async #agree(): Promise<void> {
    let response = await this.#apiVersions(API_VERSIONS_FIRST);
    if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      const range = response.apiKeys.find((entry) => entry.apiKey === apiVersionsApi.key);
      response = await this.#apiVersions(Math.min(API_VERSIONS_FIRST, range?.maxVersion ?? 0));
    }
    if (response.errorCode !== ErrorCode.NONE) {
      throw new WireConnectionError(
        'unsupported-version',
        `${this.#name()} answered ApiVersions with ${errorName(response.errorCode)}`,
      );
    }
    for (const { apiKey, minVersion, maxVersion } of response.apiKeys) {
      this.#ranges.set(apiKey, { minVersion, maxVersion });
    }
  }

  /** A broker that does not know the version answers in the form of version 0 (KIP-511). */
  #apiVersions(version: number): Promise<ApiVersionsResponse> {
    const api: typeof apiVersionsApi = {
      ...apiVersionsApi,
      decodeResponse: (reader, asked) => {
        const position = reader.position;
        const unsupported = reader.int16() === ErrorCode.UNSUPPORTED_VERSION;
        reader.position = position;
        return apiVersionsApi.decodeResponse(reader, unsupported ? 0 : asked);
      },
    };
    const request = {
      clientSoftwareName: SOFTWARE_NAME,
      clientSoftwareVersion: SOFTWARE_VERSION,
      clusterId: null,
      nodeId: -1,
    };
    return this.#send(api, request, version);
  }

  async #authenticate(mechanism: SaslMechanism): Promise<void> {
    const handshake = await this.request(saslHandshakeApi, { mechanism: mechanism.name });
    if (handshake.errorCode !== ErrorCode.NONE) {
      throw new WireConnectionError(
        'authentication',
        `${this.#name()} offers ${handshake.mechanisms.join(', ') || 'no mechanism'}, not ${mechanism.name}`,
      );
    }
    await mechanism.authenticate(async (token) => {
      const answer = await this.request(saslAuthenticateApi, { authBytes: token });
      if (answer.errorCode !== ErrorCode.NONE) {
        const text = answer.errorMessage ?? errorName(answer.errorCode);
        throw new WireConnectionError('authentication', `${this.#name()}: ${text}`);
      }
      return answer.authBytes;
    });
  }

  #closedError(cause?: Error): WireConnectionError {
    const text = `the connection to ${this.#name()} is closed`;
    return cause === undefined
      ? new WireConnectionError('closed', text)
      : new WireConnectionError('closed', `${text}: ${cause.message}`, { cause });
  }

  #name(): string {
    return `${this.address.host}:${this.address.port}`;
  }
}

/** An open socket; what it reads goes to `input`, each time in the same memory. */
interface OpenedSocket {
  readonly socket: Socket;
  readonly input: { take: (chunk: Uint8Array) => void };
}

function openSocket({ host, port }: BrokerAddress, options: WireOptions): Promise<OpenedSocket> {
  return new Promise((resolve, reject) => {
    const input: OpenedSocket['input'] = { take: () => {} };
    const onread = {
      buffer: new Uint8Array(CHUNK_BYTES),
      callback: (count: number, chunk: Uint8Array) => {
        input.take(chunk.subarray(0, count));
        return true;
      },
    };
    const to = { host, port, noDelay: true, onread };
    const socket =
      options.tls === undefined
        ? connectTcp(to)
        : connectTls({ servername: host, ...options.tls, ...to });
    const fail = (reason: string, cause?: Error) => {
      timer.cancel();
      socket.destroy();
      const text = `cannot connect to ${host}:${port}: ${reason}`;
      reject(new WireConnectionError('connect', text, cause === undefined ? {} : { cause }));
    };
    const failed = (error: Error) => fail(error.message, error);
    const timer = options.clock.setTimer(options.connectTimeoutMs, () =>
      fail(`no answer within ${options.connectTimeoutMs} ms`),
    );
    socket.once('error', failed);
    socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
      timer.cancel();
      socket.off('error', failed);
      socket.setNoDelay(true);
      resolve({ socket, input });
    });
  });
}
