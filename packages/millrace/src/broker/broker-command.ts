import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createLogger, systemClock } from '@millrace/base';
import { type RunningBroker, startBroker } from '@millrace/broker';
import { type CommandHost, SIGNAL_EXIT_CODES } from '../process-host.ts';
import { UsageError } from '../usage-error.ts';
import { BROKER_USAGE, type BrokerArguments, parseBrokerArguments } from './broker-arguments.ts';
import { describeBug, describeStartFailure } from './failure-text.ts';

/** A clean stop takes milliseconds; one that takes longer than this never ends by itself. */
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
  const parsed = parseBrokerArguments(argv);
  if (parsed.isHelp) {
    host.out(BROKER_USAGE);
    return 0;
  }
  const stopped = whenStopped(host);
  host.onUncaught((error) => {
    host.complain(`millrace: ended by an error that nobody expected: ${describeBug(error)}`);
    host.exit(1);
  });
  const broker = await start(parsed, host);
  host.out(welcome(broker));
  await stopped;
  const deadline = systemClock.setTimer(STOP_DEADLINE_MS, () => {
    host.complain(`millrace: the broker did not stop within ${STOP_DEADLINE_MS / 1000} s`);
    host.exit(1);
  });
  await broker.close();
  deadline.cancel();
  host.complain('millrace: stopped');
  return 0;
}

async function start(parsed: BrokerArguments, host: CommandHost): Promise<RunningBroker> {
  const propertiesText = await readProperties(parsed.propertiesPath);
  try {
    return await startBroker({
      ...(propertiesText === undefined ? {} : { propertiesText }),
      overrides: parsed.overrides,
      environment: host.environment,
      defaults: 'kafka',
      logger: createLogger(),
    });
  } catch (error) {
    throw new UsageError(`the broker did not start: ${describeStartFailure(error)}`);
  }
}

/** Resolves at the first reason to stop, which may come while the broker still starts. */
function whenStopped(host: CommandHost): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    host.onStop((reason) => {
      if (isAsked) host.exit(SIGNAL_EXIT_CODES[reason]);
      isAsked = true;
      host.complain(
        `millrace: stopping (${reason === 'launcher' ? 'the launcher is gone' : reason})`,
      );
      resolve();
    });
  });
}

async function readProperties(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new UsageError(`cannot read ${file}: ${why}`);
  }
}

/** What a person wants to know first, and a line that scripts written for Kafka wait for. */
function welcome(broker: RunningBroker): string {
  const addresses = broker.listeners.map(({ host, port }) => `${host}:${port}`);
  const [first] = broker.listeners;
  const address = `${reachable(first?.host ?? '')}:${first?.port ?? broker.port}`;
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

/** An address that a client on this machine can connect to. */
function reachable(host: string): string {
  return host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
