import type { Clock } from '@millrace/base';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { hostIsAllowed, originIsAllowed } from '../config/web-names.ts';
import { sessionLimits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { KeyedPaces, Pace } from '../rates.ts';
import { networkOf } from '../ws/address-text.ts';
import type { UpgradeAnswer, UpgradeRequest } from '../ws/socket-server.ts';
import { readSubprotocols } from './subprotocols.ts';

const PATH = '/v1/ws';
const RETRY = { 'retry-after': '1' };

/** What the upgrade found out about a client; it rides on the socket until `open`. */
export interface UpgradeContext {
  readonly isText: boolean;
  /** A token that came as a subprotocol. */
  readonly bearer: string | null;
  /** Of the client, behind proxies that are trusted. */
  readonly address: string;
  /** What counts as one peer: the address, or the /64 of an IPv6 one. */
  readonly network: string;
}

/** Connections that exist, as far as caps look at them. */
export interface ConnectionCounts {
  readonly isDraining: boolean;
  readonly open: number;
  readonly unauthenticated: number;
  ofNetwork(network: string): number;
}

export interface UpgradeParts {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly counts: ConnectionCounts;
}

interface Refusal {
  readonly reject: number;
  /** Label of the metric. */
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Everything that is checked before there is a WebSocket, cheapest first (§3). */
export class UpgradeChecks {
  readonly #parts: UpgradeParts;
  readonly #perNetwork = new KeyedPaces(sessionLimits.rateKeysMax);
  readonly #all = new Pace();

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  check(request: UpgradeRequest): UpgradeAnswer {
    const answer = this.#answer(request);
    if ('accept' in answer) return answer;
    this.#parts.metrics.handshakesRejected.with(answer.reason).add();
    const { reject, headers } = answer;
    return headers === undefined ? { reject } : { reject, headers };
  }

  #answer(request: UpgradeRequest): Refusal | Extract<UpgradeAnswer, { accept: string }> {
    const { config, counts, clock } = this.#parts;
    if (counts.isDraining) return { reject: 503, reason: 'draining', headers: RETRY };
    const forwarded = (): string => request.headerLines('x-forwarded-for');
    const { peerAddress, proxiedAddress } = request;
    const address = config.proxies.clientAddress(peerAddress, forwarded, proxiedAddress);
    const network = networkOf(address);
    const nowMs = clock.monotonicMs();
    if (!this.#perNetwork.take(network, config.handshakesPerAddress, nowMs))
      return { reject: 429, reason: 'address_rate', headers: RETRY };
    if (!this.#all.take(nowMs, config.handshakesPerSecond, config.handshakesPerSecond))
      return { reject: 503, reason: 'rate', headers: RETRY };
    if (
      counts.open >= config.connectionsMax ||
      counts.unauthenticated >= config.connectionsUnauthenticatedMax ||
      counts.ofNetwork(network) >= config.connectionsPerAddress
    )
      return { reject: 503, reason: 'connections', headers: RETRY };
    if (request.path !== PATH) return { reject: 404, reason: 'path' };
    if (!hostIsAllowed(request.header('host'), config.hosts))
      return { reject: 421, reason: 'host' };
    if (request.header('sec-websocket-version') !== '13')
      return { reject: 426, reason: 'version', headers: { 'sec-websocket-version': '13' } };
    if (!originPasses(request.header('origin'), config)) return { reject: 403, reason: 'origin' };
    if (request.query !== null) return { reject: 400, reason: 'query' };
    const asked = readSubprotocols(request.header('sec-websocket-protocol'));
    if (asked === null) return { reject: 400, reason: 'subprotocol' };
    const context: UpgradeContext = {
      isText: asked.isText,
      bearer: asked.bearer,
      address,
      network,
    };
    return { accept: asked.echo, context };
  }
}

/** A program sends no Origin; whoever lets those in relies on their tokens alone. */
function originPasses(origin: string, config: GatewayConfig): boolean {
  return origin === '' ? config.originsAllowMissing : originIsAllowed(origin, config.origins);
}
