import { type Finished, runKafkaTool } from '@millrace/testing';
import type { BrokerUnderTest } from './broker-under-test.ts';
import type { Client } from './client.ts';

/** What a tool's check may use beside the broker. */
export interface ToolRoom {
  readonly broker: BrokerUnderTest;
  /** A client that is known to work, to make topics and records with. */
  readonly helper: Client;
  /** Starts another broker of the kind under test on a data directory. */
  open(dataFolder: string): Promise<BrokerUnderTest>;
}

export type ToolCheck = (room: ToolRoom) => Promise<void>;

const TIMEOUT_MS = 90_000;
const PACKAGE = 'org.apache.kafka.tools';

/** Runs a tool against the broker and returns what it printed. */
export async function tool(
  { broker }: ToolRoom,
  mainClass: string,
  argv: readonly string[],
  flag = '--bootstrap-server',
): Promise<Finished> {
  const name =
    mainClass.includes('.kafka.') || mainClass.startsWith('kafka.')
      ? mainClass
      : `${PACKAGE}.${mainClass}`;
  return runKafkaTool(name, [flag, broker.bootstrap, ...argv], { timeoutMs: TIMEOUT_MS });
}
