import path from 'node:path';
import { createLogger } from '@millrace/base';
import { type BrokerOptions, type RunningBroker, startBroker } from '@millrace/broker';
import type { CommandHost } from '../process-host.ts';
import { describeStartFailure } from '../service/failure-text.ts';
import { readPropertiesFile } from '../service/properties-file.ts';
import { parseServiceArguments } from '../service/service-arguments.ts';
import { closeInTime, endOnBug, whenStopped } from '../service/stopping.ts';
import { UsageError } from '../usage-error.ts';
import { BROKER_USAGE } from './broker-usage.ts';

/** A clean stop takes milliseconds. */
const STOP_DEADLINE_MS = 30_000;

/**
 * `millrace broker`: starts a broker, says where it listens, and stops it cleanly at the first signal or when
 * its launcher is gone. A second signal ends it at once.
 *
 * @returns the exit code, after a clean stop.
 * @throws UsageError, or what starting the broker threw.
 */
export async function runBrokerCommand(
  argv: readonly string[],
  host: CommandHost,
): Promise<number> {
  const parsed = parseServiceArguments(argv);
  if (parsed.isHelp) {
    host.out(BROKER_USAGE);
    return 0;
  }
  const stopped = whenStopped(host);
  endOnBug(host);
  const propertiesText = await readPropertiesFile(parsed.propertiesPath);
  const broker = await startOwnBroker(host, {
    ...(propertiesText === undefined ? {} : { propertiesText }),
    overrides: parsed.overrides,
  });
  host.out(brokerWelcome(broker));
  await stopped;
  await closeInTime(host, 'the broker', STOP_DEADLINE_MS, () => broker.close());
  return 0;
}

/** Starts a broker with Kafka's defaults. @throws UsageError with one sentence. */
export async function startOwnBroker(
  host: CommandHost,
  options: Pick<BrokerOptions, 'propertiesText' | 'overrides'>,
): Promise<RunningBroker> {
  try {
    return await startBroker({
      ...options,
      environment: host.environment,
      defaults: 'kafka',
      logger: createLogger(),
    });
  } catch (error) {
    throw new UsageError(`the broker did not start: ${describeStartFailure(error)}`);
  }
}

/** What a person wants to know first, and a line that scripts written for Kafka wait for. */
export function brokerWelcome(broker: RunningBroker): string {
  const addresses = broker.listeners.map(({ host, port }) => `${host}:${port}`);
  const address = bootstrapOf(broker);
  const metrics = broker.metricsAddress;
  return [
    `millrace: listening on ${addresses.join(', ')}`,
    ...(metrics === null
      ? []
      : [`millrace: health and metrics on http://${reachable(metrics.address)}:${metrics.port}`]),
    `millrace: data in ${broker.logDirs.map((dir) => path.resolve(dir)).join(', ')}`,
    'millrace: Kafka Server started (kafka.server.KafkaServer)',
    '',
    'Try:',
    `  echo hello | kcat -P -b ${address} -t demo`,
    `  kcat -C -b ${address} -t demo -o beginning -e`,
    '',
  ].join('\n');
}

/** Where a client on this machine connects. */
export function bootstrapOf(broker: RunningBroker): string {
  const [first] = broker.listeners;
  return `${reachable(first?.host ?? '')}:${first?.port ?? broker.port}`;
}

function reachable(host: string): string {
  return host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
