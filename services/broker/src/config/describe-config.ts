import {
  type ConfigLookup,
  type ConfigRow,
  type ConfigType,
  configOrigins,
  configText,
} from '@millrace/base';
import { brokerConfigs } from './broker-config.ts';
import { ConfigSource } from './config-source.ts';
import type { DynamicConfig } from './dynamic-config.ts';
import { topicConfigs } from './topic-config.ts';

/** One config as DescribeConfigs and CreateTopics tell of it. */
export interface ConfigEntry {
  readonly name: string;
  /** null when there is none, or when it is a secret. */
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly isDefault: boolean;
  readonly configSource: number;
  readonly isSensitive: boolean;
  readonly synonyms: readonly ConfigSynonymEntry[];
  readonly configType: number;
  readonly documentation: string | null;
}

export interface ConfigSynonymEntry {
  readonly name: string;
  readonly value: string | null;
  readonly source: number;
}

export interface DescribeOptions {
  /** null or empty: all of them. */
  readonly names: readonly string[] | null;
  readonly withSynonyms: boolean;
  readonly withDocumentation: boolean;
}

/** Types numbered as on the wire; 0 is unknown. */
const TYPE_CODE: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};
const UNKNOWN_TYPE = 0;

/** Every topic config with the value in force on a topic that has these overrides. */
export function describeTopicConfigs(
  overrides: ReadonlyMap<string, string>,
  dynamicConfig: DynamicConfig,
  options: DescribeOptions,
): ConfigEntry[] {
  const lookup: ConfigLookup<ConfigSource> = {
    own: [{ source: ConfigSource.topic, values: overrides }],
    fallback: dynamicConfig.layers,
  };
  const entries: ConfigEntry[] = [];
  for (const row of topicConfigs.byName.values()) {
    if (isWanted(options, row.name)) entries.push(entryOf(row, lookup, false, options));
  }
  return entries;
}

/** Every config of this broker, and the names in its file that no row knows (their values stay secret). */
export function describeBrokerConfigs(
  dynamicConfig: DynamicConfig,
  options: DescribeOptions,
): ConfigEntry[] {
  const lookup = { own: dynamicConfig.layers, fallback: dynamicConfig.layers };
  const entries: ConfigEntry[] = [];
  for (const row of brokerConfigs.byName.values()) {
    if (!isWanted(options, row.name)) continue;
    entries.push(entryOf(row, lookup, row.dynamic === 'read-only', options));
  }
  for (const name of dynamicConfig.unknownNames) {
    if (isWanted(options, name)) entries.push(unknownEntry(name));
  }
  return entries;
}

/** The dynamic overrides that hold for every broker of the cluster. */
export function describeClusterOverrides(
  dynamicConfig: DynamicConfig,
  options: DescribeOptions,
): ConfigEntry[] {
  const values = dynamicConfig.overrides('cluster');
  const layers = [{ source: ConfigSource.dynamicDefaultBroker, values }];
  const lookup: ConfigLookup<ConfigSource> = { own: layers, fallback: [] };
  const entries: ConfigEntry[] = [];
  for (const name of values.keys()) {
    const row = brokerConfigs.byName.get(name);
    if (row === undefined || !isWanted(options, name)) continue;
    entries.push(entryOf(row, lookup, false, options));
  }
  return entries;
}

/** What a topic without an override of its own has in force; null when unknown or none. */
export function effectiveTopicText(name: string, dynamicConfig: DynamicConfig): string | null {
  const row = topicConfigs.byName.get(name);
  if (row === undefined) return null;
  return configText(row, { own: [], fallback: dynamicConfig.layers });
}

/** What this broker has in force; null when unknown or none. */
export function effectiveBrokerText(name: string, dynamicConfig: DynamicConfig): string | null {
  const row = brokerConfigs.byName.get(name);
  if (row === undefined) return null;
  return configText(row, { own: dynamicConfig.layers, fallback: dynamicConfig.layers });
}

function isWanted(options: DescribeOptions, name: string): boolean {
  return options.names === null || options.names.length === 0 || options.names.includes(name);
}

function entryOf(
  row: ConfigRow<unknown>,
  lookup: ConfigLookup<ConfigSource>,
  readOnly: boolean,
  options: DescribeOptions,
): ConfigEntry {
  const [strongest] = configOrigins(row, lookup);
  const source = strongest?.source ?? ConfigSource.default;
  return {
    name: row.name,
    value: row.isSensitive ? null : configText(row, lookup),
    readOnly,
    isDefault: source === ConfigSource.default,
    configSource: source,
    isSensitive: row.isSensitive,
    synonyms: options.withSynonyms ? synonymsOf(row, lookup) : [],
    configType: TYPE_CODE[row.type],
    documentation: options.withDocumentation ? row.sentence : null,
  };
}

/** What is set, strongest first, then the defaults of the names it falls back to. */
function synonymsOf(
  row: ConfigRow<unknown>,
  lookup: ConfigLookup<ConfigSource>,
): ConfigSynonymEntry[] {
  const synonyms: ConfigSynonymEntry[] = [];
  for (const { name, text, source, synonym } of configOrigins(row, lookup)) {
    const owner = synonym === null ? row : brokerConfigs.byName.get(name);
    const value = owner?.parse(text).text ?? text;
    synonyms.push({ name, value: row.isSensitive ? null : value, source });
  }
  const ownDefault = brokerConfigs.byName.get(row.name) === row ? [row.name] : [];
  for (const name of [...ownDefault, ...row.synonyms.map((synonym) => synonym.name)]) {
    const text = brokerConfigs.byName.get(name)?.defaultText;
    if (text === undefined || text === null) continue;
    synonyms.push({ name, value: row.isSensitive ? null : text, source: ConfigSource.default });
  }
  return synonyms;
}

function unknownEntry(name: string): ConfigEntry {
  return {
    name,
    value: null,
    readOnly: true,
    isDefault: false,
    configSource: ConfigSource.staticBroker,
    isSensitive: true,
    synonyms: [],
    configType: UNKNOWN_TYPE,
    documentation: null,
  };
}
