import type { Logger } from '@millrace/base';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { hostIsAllowed, originIsAllowed } from '../config/web-names.ts';
import type { PlainAnswer, PlainRequest } from '../ws/socket-server.ts';
import type { PageFiles } from './page-files.ts';
import { type TopicListParts, topicList } from './topic-list.ts';

/** Lists of topics being made at once; a page asks for one now and then. */
const LISTS_MAX = 64;

export interface ClientHttpParts extends TopicListParts {
  readonly config: GatewayConfig;
  readonly log: Logger;
  /** null without `gateway.demo`: then everything but the WebSocket is 404. */
  readonly page: PageFiles | null;
}

/** Answers what comes to the clients' address and is no WebSocket: the demo page and the list of topics. */
export class ClientHttp {
  readonly #parts: ClientHttpParts;
  #listsAtWork = 0;

  constructor(parts: ClientHttpParts) {
    this.#parts = parts;
  }

  readonly answer = (request: PlainRequest): PlainAnswer | Promise<PlainAnswer> => {
    const { config, page } = this.#parts;
    const { method, path } = request;
    if (path === '/v1/ws') return plain(426, 'A WebSocket is wanted here.\n');
    if (page === null) return plain(404, 'Not found.\n');
    // Also what keeps a page of elsewhere from reading through a name that was rebound to this address.
    if (!hostIsAllowed(request.header('host'), config.hosts)) {
      return plain(421, 'This host is not served here.\n');
    }
    if (method !== 'get' && method !== 'head') return plain(405, 'GET or HEAD.\n');
    if (path !== '/v1/topics') return page.answer(path) ?? plain(404, 'Not found.\n');
    const origin = request.header('origin');
    if (origin !== '' && !originIsAllowed(origin, config.origins)) {
      return plain(403, 'This origin is not allowed.\n');
    }
    if (this.#listsAtWork >= LISTS_MAX) return plain(503, 'Too many at once.\n');
    return this.#topics(request);
  };

  async #topics(request: PlainRequest): Promise<PlainAnswer> {
    const { config, log } = this.#parts;
    const forwarded = (): string => request.headerLines('x-forwarded-for');
    const address = config.proxies.clientAddress(
      request.peerAddress,
      forwarded,
      request.proxiedAddress,
    );
    this.#listsAtWork++;
    try {
      return await topicList(this.#parts, request.header('authorization'), address);
    } catch (error) {
      log.warnLimited('topics', 'topics could not be listed', { error: String(error) });
      return plain(503, 'The cluster does not answer.\n');
    } finally {
      this.#listsAtWork--;
    }
  }
}

function plain(status: number, body: string): PlainAnswer {
  return { status, body };
}
