import { ConfigError, parseProperties } from '@millrace/base';
import { brokerConfigs } from './broker-config.ts';
import { topicConfigs } from './topic-config.ts';

export interface ConfigInputs {
  /** Content of a `server.properties`. */
  readonly propertiesText?: string;
  /** `key=value` each; later ones win. */
  readonly overrides?: readonly string[];
  /** Environment variables; `KAFKA_LOG_RETENTION_MS` is `log.retention.ms`. Unknown ones are ignored. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** What the broker was started with. */
export interface StaticConfig {
  /** By config name; unknown names are kept. */
  readonly values: ReadonlyMap<string, string>;
  /** Names that no row knows, in the order in which they came. */
  readonly unknownNames: readonly string[];
  /** Known names that have no effect here and were set to something else than their default. */
  readonly idleNames: readonly string[];
}

/**
 * Gathers what was set at start: the file, over it the environment, over it the overrides.
 * @throws ConfigError for an override that is not `key=value`; PropertiesError for an unreadable file.
 */
export function readStaticConfig(inputs: ConfigInputs): StaticConfig {
  const values = new Map(parseProperties(inputs.propertiesText ?? ''));
  for (const [name, value] of fromEnvironment(inputs.environment ?? {})) values.set(name, value);
  for (const override of inputs.overrides ?? []) {
    const equals = override.indexOf('=');
    const name = override.slice(0, equals).trim();
    if (equals < 0 || name === '') {
      throw new ConfigError(
        override,
        `--override takes key=value, not ${JSON.stringify(override)}.`,
      );
    }
    values.set(name, override.slice(equals + 1).trim());
  }
  const unknownNames = [...values.keys()].filter((name) => !brokerConfigs.byName.has(name));
  return { values, unknownNames, idleNames: [...values].filter(isIdle).map(([name]) => name) };
}

function isIdle([name, value]: readonly [string, string]): boolean {
  const row = brokerConfigs.byName.get(name);
  return row?.hasNoEffect === true && value.trim() !== row.defaultText;
}

/** A word for the operator about a name that no row knows; null when the name is known. */
export function unknownNameHint(name: string): string | null {
  if (brokerConfigs.byName.has(name)) return null;
  const topicRow = topicConfigs.byName.get(name);
  const synonym = topicRow?.synonyms[0]?.name;
  return synonym === undefined ? 'unknown' : `a topic config; a broker calls it ${synonym}`;
}

function* fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Iterable<[string, string]> {
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || !variable.startsWith('KAFKA_')) continue;
    const name = configNameOf(variable.slice('KAFKA_'.length));
    if (brokerConfigs.byName.has(name)) yield [name, value];
  }
}

/** `_` stands for a dot, `__` for a dash, `___` for an underscore, as in Kafka's container images. */
function configNameOf(variable: string): string {
  return variable.toLowerCase().replace(/_+/g, (run) => {
    if (run.length === 1) return '.';
    return run.length === 2 ? '-' : '_';
  });
}
