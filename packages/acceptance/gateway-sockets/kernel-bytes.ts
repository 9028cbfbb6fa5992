import { readFileSync } from 'node:fs';

const TABLES = ['tcp', 'tcp6'];

/** What the kernel holds of a server's bytes for one client, not acknowledged by its peer. Linux only. */
export function kernelBytes(pid: number, serverPort: number, clientPort: number): number {
  const hex = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of TABLES) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n')) {
      // sl, local address, remote address, state, bytes to send:bytes to read
      const [, local = '', remote = '', , queues = ''] = line.trim().split(/\s+/);
      if (local.endsWith(hex(serverPort)) && remote.endsWith(hex(clientPort)))
        return Number.parseInt(queues.split(':')[0] as string, 16);
    }
  }
  return 0;
}
