/** A `NAME://HOST:PORT` of `listeners` or `advertised.listeners`. */
export interface ListenerAddress {
  readonly name: string;
  /** Without the brackets of IPv6; "" is every address. */
  readonly host: string;
  readonly port: number;
}

/** @throws Error with a reason when an item cannot be read or two listeners share a name. */
export function readListeners(items: readonly string[]): readonly ListenerAddress[] {
  const listeners = items.map(readListener);
  const names = new Set(listeners.map((listener) => listener.name));
  if (names.size !== listeners.length) {
    throw new Error('Each listener must have a different name');
  }
  return listeners;
}

function readListener(text: string): ListenerAddress {
  const match = /^([A-Za-z0-9_.-]+):\/\/(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  if (match === null || port > 65_535) throw new Error(`Unable to parse ${text} to a listener`);
  return { name: (match[1] as string).toUpperCase(), host: match[2] ?? match[3] ?? '', port };
}

/** @throws Error with a reason. */
export function readProtocolMap(items: readonly string[]): ReadonlyMap<string, string> {
  const protocols = new Map<string, string>();
  for (const item of items) {
    const [name, protocol, ...rest] = item.split(':');
    if (name === undefined || protocol === undefined || rest.length > 0) {
      throw new Error(`Unable to parse ${item} to NAME:PROTOCOL`);
    }
    protocols.set(name.toUpperCase(), protocol.toUpperCase());
  }
  return protocols;
}
