/** The servers that a round compares, each started by its own documented command. */
import { join } from 'node:path';
import { ApacheKafka, Child, freePort, MillraceProcess } from '@millrace/testing';
import { binary, type Target } from './load.ts';

export type ServerName = 'limit' | 'millrace' | 'kafka';
/** What else stands in a table: Millrace without the replay, and the disk without any broker. */
export type RowName = ServerName | 'millrace alone' | 'disk, 1 file' | 'disk, 4 files';
export type Durability = 'page-cache' | 'flushed';

export interface Server extends Target {
  readonly name: ServerName;
  readonly port: number;
  readonly dir: string;
  stop(): Promise<void>;
}

export async function startLimit(workDir: string): Promise<Server> {
  const dir = join(workDir, 'limit');
  const port = await freePort();
  const child = new Child(binary('limit'), [String(port), dir]);
  await child.saying(/listening/, 5_000);
  return {
    name: 'limit',
    ...{ pid: child.pid, port, address: `127.0.0.1:${port}`, dir },
    stop: async () => void (await child.stop()),
  };
}

export async function startMillrace(workDir: string, durability: Durability): Promise<Server> {
  const dataFolder = join(workDir, `millrace-${durability}`);
  const mode = durability === 'flushed' ? 'fsync' : 'page-cache';
  const broker = await MillraceProcess.start({
    dataFolder,
    overrides: { 'millrace.log.durability': mode },
  });
  return {
    name: 'millrace',
    ...{ pid: broker.pid, port: broker.port, address: broker.bootstrap, dir: dataFolder },
    stop: () => broker.stop(),
  };
}

/** Apache Kafka as shipped. */
export async function startKafka(workDir: string): Promise<Server> {
  const dir = join(workDir, 'kafka');
  const kafka = await ApacheKafka.start({ dataFolder: dir });
  return {
    name: 'kafka',
    ...{ pid: kafka.pid, port: kafka.port, address: kafka.bootstrap, dir },
    stop: () => kafka.stop(),
  };
}
