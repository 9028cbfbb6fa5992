import { BlockList, isIP } from 'node:net';
import { withoutMapping } from '../ws/address-text.ts';

/** Longest X-Forwarded-For that is read: whatever is behind it is not believed. */
const FORWARDED_CHARS_MAX = 1024;

/** Proxies whose word about the client's address is taken (§19.5). */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** @param items `ADDRESS` or `ADDRESS/BITS`. @throws Error for what is neither. */
  constructor(items: readonly string[]) {
    this.#isEmpty = items.length === 0;
    for (const item of items) {
      const [address = '', bits, ...more] = item.split('/');
      const family = isIP(address);
      const width = family === 4 ? 32 : 128;
      const length = bits === undefined ? width : Number(bits);
      const isGood = family !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits ?? '0');
      if (!isGood || length > width) throw new Error(`${item} is not ADDRESS or ADDRESS/BITS`);
      this.#list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /**
   * The address that connections and failures are counted for: the peer's, or, behind trusted proxies, the one that a
   * PROXY header names and the last one in X-Forwarded-For that none of them has.
   *
   * @param forwardedFor the header of this request, all lines of it; read only from proxies
   * @param proxied from the PROXY header of this peer; '' without one.
   */
  clientAddress(peer: string, forwardedFor: () => string, proxied: string): string {
    if (this.#isEmpty || !this.#has(peer)) return peer;
    let client = proxied === '' ? peer : proxied;
    // A proxy that is not trusted itself may write there what it likes.
    if (!this.#has(client)) return client;
    const forwarded = forwardedFor();
    if (forwarded === '' || forwarded.length > FORWARDED_CHARS_MAX) return client;
    for (const item of forwarded.split(',').reverse()) {
      const address = withoutMapping(item.trim());
      if (isIP(address) === 0) return client;
      client = address;
      if (!this.#has(address)) return client;
    }
    return client;
  }

  #has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}
