/** Waiting until a broker answers. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Metadata v0 for all topics, without a client id: the smallest question every broker answers. */
const METADATA = Buffer.from([0, 0, 0, 14, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);

/** One try: connect, ask, true when an answer begins. */
function answersMetadata(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (ok: boolean) => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('connect', () => socket.write(METADATA));
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.setTimeout(1000, () => end(false));
  });
}

/** Milliseconds from `since` (performance.now) until the port answers Metadata. */
export async function untilServing(
  port: number,
  since: number,
  timeoutMs = 60_000,
): Promise<number> {
  while (performance.now() - since < timeoutMs) {
    if (await answersMetadata(port)) return performance.now() - since;
    await sleep(2);
  }
  throw new Error(`nothing answered Metadata on port ${port} within ${timeoutMs} ms`);
}
