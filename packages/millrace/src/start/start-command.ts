import type { RunningGateway } from '@millrace/gateway';
import { bootstrapOf, brokerWelcome, startOwnBroker } from '../broker/broker-command.ts';
import { adminLine, startOwnGateway } from '../gateway/gateway-command.ts';
import type { CommandHost } from '../process-host.ts';
import { readPropertiesFile } from '../service/properties-file.ts';
import { parseServiceArguments } from '../service/service-arguments.ts';
import { closeInTime, endOnBug, whenStopped } from '../service/stopping.ts';
import { developmentDefaults, splitSettings } from './development-mode.ts';

export const START_USAGE = `Usage: millrace start [server.properties] [--override key=value]…

Starts a broker and a gateway together in development mode: reachable from this machine only, no token, with the demo
page. Settings that begin with "gateway." are the gateway's, all others the broker's.

  --override key=value   sets one config over the file; may be repeated, the last one wins
  --help                 prints this

Example:
  millrace start --override gateway.listen=127.0.0.1:8189 --override log.dirs=./data
`;

const STOP_DEADLINE_MS = 30_000;

/**
 * `millrace start`: broker and gateway in one process, for a first look and for development. Prints the URL of the demo
 * page first, and stops both at the first signal or when the launcher is gone.
 *
 * @returns the exit code, after a clean stop.
 * @throws UsageError; nothing is left running then.
 */
export async function runStartCommand(argv: readonly string[], host: CommandHost): Promise<number> {
  const parsed = parseServiceArguments(argv);
  if (parsed.isHelp) {
    host.out(START_USAGE);
    return 0;
  }
  const stopped = whenStopped(host);
  endOnBug(host);
  const settings = splitSettings(
    await readPropertiesFile(parsed.propertiesPath),
    parsed.overrides,
    host.environment,
  );
  const broker = await startOwnBroker(host, settings.broker);
  let gateway: RunningGateway;
  try {
    gateway = await startOwnGateway({
      ...settings.gateway,
      defaults: developmentDefaults(settings.gatewayListen, bootstrapOf(broker)),
    });
  } catch (error) {
    await broker.close();
    throw error;
  }
  host.out(`${developmentWelcome(gateway)}${brokerWelcome(broker)}`);
  await stopped;
  await closeInTime(host, 'the broker or the gateway', STOP_DEADLINE_MS, async () => {
    await gateway.close();
    await broker.close();
  });
  return 0;
}

function developmentWelcome(gateway: RunningGateway): string {
  const { config, port } = gateway;
  const { host } = config.listen;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
  return [
    `millrace: open ${url}`,
    'millrace: development mode: that page and its WebSockets are reachable from this machine only, and need no token',
    adminLine(gateway),
    '',
  ].join('\n');
}
