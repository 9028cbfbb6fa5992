// The gateway before Apache Kafka and before our broker: rows of `npm run compat`, each named by the case it is.
import { attachChecks } from './attaches.ts';
import { commitChecks } from './commits.ts';
import { disconnectChecks } from './disconnects.ts';
import { electionChecks } from './elections.ts';
import { latestByKeyChecks } from './latest-by-key.ts';
import { manySocketsChecks } from './many-sockets.ts';
import { publishChecks } from './publishes.ts';
import { kafkaStage, millraceStage, type Stage } from './stage.ts';
import { startChecks, transactionChecks } from './starts.ts';

export type GatewayCheck = (stage: Stage) => Promise<void>;

const ANY_CLUSTER: Readonly<Record<string, GatewayCheck>> = {
  ...startChecks,
  ...attachChecks,
  ...latestByKeyChecks,
  ...publishChecks,
  ...commitChecks,
};

/** A cluster with a gateway, and the rows that are run before it: row → what it does. */
export const GATEWAY_STAGES: readonly {
  readonly name: string;
  readonly open: () => Promise<Stage>;
  readonly checks: Readonly<Record<string, GatewayCheck>>;
}[] = [
  {
    name: 'gateway on Apache Kafka',
    open: kafkaStage,
    checks: { ...ANY_CLUSTER, ...transactionChecks, ...electionChecks },
  },
  {
    name: 'gateway on Millrace',
    open: millraceStage,
    checks: { ...ANY_CLUSTER, ...disconnectChecks, ...manySocketsChecks },
  },
];
