/** One `NAME://host:port` of `listeners`. */
export interface ListenerSpec {
  readonly name: string;
  /** "" binds every address. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

/** A `listeners` value that cannot be served; the message names the entry. */
export class ListenerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ListenerConfigError';
  }
}

const LISTENER = /^([A-Za-z0-9_.-]+):\/\/(\[[0-9A-Fa-f:.%]+\]|[^:/[\]]*):(\d{1,5})$/;

/**
 * Parses `listeners`, for example `PLAINTEXT://:9092,EXTERNAL://0.0.0.0:9094`.
 * @param protocolOf security protocol of a listener name (`listener.security.protocol.map`).
 * @throws ListenerConfigError
 */
export function parseListeners(
  text: string,
  protocolOf: (name: string) => string | undefined,
): ListenerSpec[] {
  const specs: ListenerSpec[] = [];
  const names = new Set<string>();
  for (const entry of text.split(',')) {
    const trimmed = entry.trim();
    if (trimmed === '') continue;
    const match = LISTENER.exec(trimmed);
    if (match === null) throw new ListenerConfigError(`listener "${trimmed}" is not NAME://host:port`);
    const name = (match[1] as string).toUpperCase();
    const host = (match[2] as string).replace(/^\[|\]$/g, '');
    const port = Number(match[3]);
    if (port > 65535) throw new ListenerConfigError(`listener "${trimmed}": port above 65535`);
    if (names.has(name)) throw new ListenerConfigError(`listener name ${name} twice`);
    const protocol = protocolOf(name);
    if (protocol !== 'PLAINTEXT') {
      throw new ListenerConfigError(
        `listener ${name}: security protocol ${protocol ?? 'unknown'} is not served, only PLAINTEXT`,
      );
    }
    names.add(name);
    specs.push({ name, host, port });
  }
  if (specs.length === 0) throw new ListenerConfigError('no listener');
  return specs;
}
