import type { AnyApiHandler, ApiHandler, ApiRange, DirectApi } from './api-handler.ts';

/** Highest api key the table can hold; keys index arrays. */
const API_KEY_MAX = 127;

/** Every API the broker serves, by key. What is not here is not advertised (T8). */
export class ApiTable {
  readonly #handlers: (AnyApiHandler | undefined)[] = new Array(API_KEY_MAX + 1).fill(undefined);
  readonly #directs: (DirectApi | undefined)[] = new Array(API_KEY_MAX + 1).fill(undefined);

  add<Req, Res>(handler: ApiHandler<Req, Res>): void {
    this.#checkFree(handler);
    this.#handlers[handler.key] = handler as unknown as AnyApiHandler;
  }

  addDirect(api: DirectApi): void {
    this.#checkFree(api);
    this.#directs[api.key] = api;
  }

  handler(apiKey: number): AnyApiHandler | undefined {
    return this.#handlers[apiKey];
  }

  direct(apiKey: number): DirectApi | undefined {
    return this.#directs[apiKey];
  }

  /** What is served, in order of keys. */
  ranges(): ApiRange[] {
    const ranges: ApiRange[] = [];
    for (let key = 0; key <= API_KEY_MAX; key++) {
      const api = this.#directs[key] ?? this.#handlers[key];
      if (api !== undefined) ranges.push(api);
    }
    return ranges;
  }

  #checkFree(api: ApiRange): void {
    if (api.key < 0 || api.key > API_KEY_MAX || api.minVersion > api.maxVersion) {
      throw new Error(`${api.name}: key ${api.key}, versions ${api.minVersion}-${api.maxVersion}`);
    }
    if (this.#handlers[api.key] !== undefined || this.#directs[api.key] !== undefined) {
      throw new Error(`api key ${api.key} twice`);
    }
  }
}
