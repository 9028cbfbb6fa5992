import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (32,768 and up on Linux, 49,152 and up elsewhere). A port
 * of theirs may be somebody's by the time a server wants it, or wants it back after a restart; and a client that asks
 * again and again whether the server is back may even be given that very port, and talk to itself.
 */
const PORT_MIN = 15_000;
const PORT_MAX = 32_000;
const TRIES_MAX = 200;

/** `count` TCP ports of the loopback address in a row that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const first = randomInt(PORT_MIN, PORT_MAX - count);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const servers = await Promise.all(ports.map(listenOn));
    await Promise.all(servers.map(closed));
    if (!servers.includes(null)) return ports;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** One TCP port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** True while something listens on the port of the loopback address. */
export async function portIsBound(port: number): Promise<boolean> {
  const server = await listenOn(port);
  await closed(server);
  return server === null;
}

/** null when the port is taken. */
function listenOn(port: number): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function closed(server: Server | null): Promise<unknown> {
  return new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
}
