import { createLogger } from '@millrace/base';
import { type RunningGateway, readGatewayConfig, startGateway } from '@millrace/gateway';
import { type CommandHost, SIGNAL_EXIT_CODES } from '../process-host.ts';
import { describeStartFailure } from '../service/failure-text.ts';
import { readPropertiesFile } from '../service/properties-file.ts';
import { parseServiceArguments } from '../service/service-arguments.ts';
import { closeInTime, endOnBug } from '../service/stopping.ts';
import { UsageError } from '../usage-error.ts';
import { type GatewaySettings, runFleet, WORKER_VARIABLE } from './gateway-fleet.ts';

const GATEWAY_USAGE = `Usage: millrace gateway [gateway.properties] [--override key=value]…

Starts a gateway: WebSocket clients read and write topics of a Kafka cluster through it.

  --override key=value   sets one config over the file; may be repeated, the last one wins
  --help                 prints this

Tokens are required: name at least where their keys are. Example:
  millrace gateway --override gateway.kafka.bootstrap.servers=127.0.0.1:9092 \\
    --override gateway.auth.keys=keys.json --override gateway.auth.issuer=https://id.example.com \\
    --override gateway.auth.audience=millrace --override gateway.hosts=127.0.0.1 \\
    --override gateway.origins=http://127.0.0.1:3000
`;

/** A stop takes gateway.drain.deadline.ms; one that takes this much longer never ends by itself. */
const STOP_GRACE_MS = 10_000;

/**
 * `millrace gateway`: starts a gateway, or as many processes of it as `gateway.processes` says, and drains it at the
 * first signal or when its launcher is gone. A second signal closes every connection at once, a third ends it.
 *
 * @returns the exit code.
 * @throws UsageError.
 */
export async function runGatewayCommand(
  argv: readonly string[],
  host: CommandHost,
): Promise<number> {
  const parsed = parseServiceArguments(argv);
  if (parsed.isHelp) {
    host.out(GATEWAY_USAGE);
    return 0;
  }
  endOnBug(host);
  const propertiesText = await readPropertiesFile(parsed.propertiesPath);
  const settings: GatewaySettings = {
    ...(propertiesText === undefined ? {} : { propertiesText }),
    overrides: parsed.overrides,
  };
  const worker = host.environment[WORKER_VARIABLE];
  const processCount =
    worker === undefined ? saying(() => readGatewayConfig(settings)).processes : 1;
  if (processCount > 1) return runFleet(argv, settings, processCount, host);
  return runOne(settings, worker === undefined ? undefined : Number(worker), host);
}

async function runOne(
  settings: GatewaySettings,
  index: number | undefined,
  host: CommandHost,
): Promise<number> {
  const stopping = stopInSteps(host);
  const gateway = await startOwnGateway({
    ...settings,
    ...(index === undefined ? {} : { process: { index } }),
  });
  stopping.hurry = () => gateway.hurry();
  host.out(gatewayWelcome(gateway));
  await stopping.asked;
  const deadlineMs = gateway.config.drainDeadlineMs + STOP_GRACE_MS;
  await closeInTime(host, 'the gateway', deadlineMs, () => gateway.close());
  return 0;
}

/** Starts a gateway that logs. @throws UsageError with one sentence. */
export async function startOwnGateway(
  options: NonNullable<Parameters<typeof startGateway>[0]>,
): Promise<RunningGateway> {
  try {
    return await startGateway({ logger: createLogger(), ...options });
  } catch (error) {
    throw new UsageError(`the gateway did not start: ${describeStartFailure(error)}`);
  }
}

function gatewayWelcome(gateway: RunningGateway): string {
  const { config, port } = gateway;
  const scheme = config.tlsCert === null ? 'ws' : 'wss';
  return [
    `millrace: the gateway listens on ${scheme}://${inUrl(config.listen.host)}:${port}/v1/ws`,
    adminLine(gateway),
    '',
  ].join('\n');
}

/** Where the admin listener is, in a sentence for whoever started the gateway. */
export function adminLine({ config, adminPort }: RunningGateway): string {
  return `millrace: the gateway's health and metrics are on http://${inUrl(config.adminListen.host)}:${adminPort}`;
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function saying<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError(`the gateway did not start: ${describeStartFailure(error)}`);
  }
}

interface Stopping {
  readonly asked: Promise<void>;
  hurry: () => void;
}

/** The first reason to stop drains, the second closes all connections, the third ends the process. */
function stopInSteps(host: CommandHost): Stopping {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stopping: Stopping = { asked: promise, hurry: () => {} };
  let count = 0;
  host.onStop((reason) => {
    count++;
    if (count > 2) host.exit(SIGNAL_EXIT_CODES[reason]);
    const how = count === 1 ? 'draining' : 'closing every connection';
    host.complain(`millrace: ${how} (${reason === 'launcher' ? 'the launcher is gone' : reason})`);
    if (count === 1) resolve();
    else stopping.hurry();
  });
  return stopping;
}
