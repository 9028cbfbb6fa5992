import { parseArgs } from 'node:util';
import { UsageError } from '../usage-error.ts';

/** What commands that run a service take. */
export interface ServiceArguments {
  readonly isHelp: boolean;
  /** Path of a properties file; undefined: the defaults. */
  readonly propertiesPath: string | undefined;
  /** `key=value` each, in order; later ones win, and all win over the file. */
  readonly overrides: readonly string[];
}

/** @throws UsageError with one sentence. */
export function parseServiceArguments(argv: readonly string[]): ServiceArguments {
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
