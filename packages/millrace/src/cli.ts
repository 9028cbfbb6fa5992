import { readFileSync } from 'node:fs';
import { type CommandHost, processHost } from './process-host.ts';
import { UsageError } from './usage-error.ts';

const USAGE = `Usage: millrace <command> [options]

Commands:
  start      starts a broker and a gateway together, for development
  broker     starts a broker that Kafka clients talk to
  gateway    starts a gateway that gives topics to WebSocket clients
  dump-log   prints what is in log segments, indexes and snapshots

millrace <command> --help says more.
`;

/** Each command is loaded when it is asked for. */
async function run(argv: readonly string[], host: CommandHost): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'broker': {
      const { runBrokerCommand } = await import('./broker/broker-command.ts');
      return runBrokerCommand(rest, host);
    }
    case 'gateway': {
      const { runGatewayCommand } = await import('./gateway/gateway-command.ts');
      return runGatewayCommand(rest, host);
    }
    case 'start': {
      const { runStartCommand } = await import('./start/start-command.ts');
      return runStartCommand(rest, host);
    }
    case 'dump-log': {
      const { runDumpLogCommand } = await import('./dump-log/dump-log-command.ts');
      return runDumpLogCommand(rest, host);
    }
    case '--version':
      host.out(`${version()}\n`);
      return 0;
    case '--help':
    case '-h':
    case undefined:
      host.out(USAGE);
      return command === undefined ? 1 : 0;
    default:
      throw new UsageError(`there is no command ${command}; millrace --help lists them`);
  }
}

function version(): string {
  const text = readFileSync(new URL(import.meta.resolve('millrace/package.json')), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const host = processHost();
try {
  host.exit(await run(host.argv, host));
} catch (error) {
  host.complain(`millrace: ${(error as Error).message}`);
  host.exit(1);
}
