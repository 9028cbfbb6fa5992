import { coded, nativeBinary } from './native-binary.ts';

/** What the connections of a listening socket shall inherit. */
export interface AcceptedSocketOptions {
  /**
   * TCP_NOTSENT_LOWAT: the kernel takes no more than about this many bytes that it cannot send yet, so that
   * a peer that does not read costs little memory there.
   */
  readonly notsentLowatBytes: number;
  /** TCP_USER_TIMEOUT: data unacknowledged for so long closes the connection. 0: the system's default. */
  readonly userTimeoutMs: number;
}

/**
 * Sets the options on every listening TCP socket of this process at `port`, whoever opened it: node:net, or a
 * library that shows no descriptor. Connections accepted from then on inherit them, older ones do not.
 * @returns the number of listening sockets, at least one.
 * @throws EngineError `unknownHandle` when nothing of this process listens there, `socketOption` when the
 * system refuses an option or hides the process's descriptors.
 */
export function setAcceptedSocketOptions(port: number, options: AcceptedSocketOptions): number {
  const { notsentLowatBytes, userTimeoutMs } = options;
  return coded(() => nativeBinary.setAcceptedSocketOptions(port, notsentLowatBytes, userTimeoutMs));
}

/**
 * Lets no more than `backlog` connections wait to be accepted on every listening TCP socket of this process at
 * `port`; the kernel lets further clients try again. It caps the number by `net.core.somaxconn`.
 * @returns and throws as `setAcceptedSocketOptions`.
 */
export function setListenBacklog(port: number, backlog: number): number {
  return coded(() => nativeBinary.setListenBacklog(port, backlog));
}
