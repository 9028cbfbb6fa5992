import { parseArgs } from 'node:util';
import { UsageError } from '../usage-error.ts';

export interface BrokerArguments {
  readonly isHelp: boolean;
  /** Path of a server.properties; undefined: Kafka's defaults. */
  readonly propertiesPath: string | undefined;
  /** `key=value` each, in order; later ones win, and all win over the file. */
  readonly overrides: readonly string[];
}

export const BROKER_USAGE = `Usage: millrace broker [server.properties] [--override key=value]…

Starts one broker. Names and defaults of configs are Kafka's.

  --override key=value   sets one config over the file; may be repeated, the last one wins
  --help                 prints this

Examples:
  millrace broker --override log.dirs=./data
  millrace broker server.properties --override listeners=PLAINTEXT://127.0.0.1:9192
`;

/** @throws UsageError with one sentence. */
export function parseBrokerArguments(argv: readonly string[]): BrokerArguments {
  const { values, positionals } = parse(argv);
  const [propertiesPath, ...more] = positionals;
  if (more.length > 0) {
    throw new UsageError(`one properties file is enough; what is ${more.join(' ')}?`);
  }
  return { isHelp: values.help, propertiesPath, overrides: values.override };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        override: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
