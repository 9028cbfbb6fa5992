/** A value that a configuration refuses, said in Kafka's words. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly configName: string;

  constructor(configName: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.configName = configName;
  }
}

/** Value types as Kafka names them. */
export type ConfigType =
  | 'boolean'
  | 'string'
  | 'int'
  | 'short'
  | 'long'
  | 'double'
  | 'list'
  | 'class'
  | 'password';

/**
 * Where a config may be changed while the broker runs: on a topic, for the whole cluster, for one broker
 * only, or nowhere (`read-only`: the file, at start).
 */
export type ConfigDynamic = 'topic' | 'cluster-wide' | 'per-broker' | 'read-only';

/** Another name whose value counts when this one is not set; `scale` brings it to this one's unit. */
export interface ConfigSynonym {
  readonly name: string;
  readonly scale?: number;
}

/** What is said once of every config; the constructors below add type, default and validity. */
export interface ConfigFacts {
  readonly name: string;
  readonly dynamic?: ConfigDynamic;
  readonly synonyms?: readonly (string | ConfigSynonym)[];
  /** What it does, in one sentence. */
  readonly sentence: string;
  /** Accepted so that files made for Kafka start; nothing reads it. */
  readonly hasNoEffect?: boolean;
}

/** One config: a row of a `defineConfig` table. */
export interface ConfigRow<T> {
  readonly name: string;
  readonly type: ConfigType;
  /** As Kafka prints it; null when there is none. */
  readonly defaultText: string | null;
  readonly defaultValue: T;
  /** What may be set, for people. */
  readonly validText: string;
  readonly dynamic: ConfigDynamic;
  readonly synonyms: readonly ConfigSynonym[];
  readonly isSensitive: boolean;
  readonly hasNoEffect: boolean;
  readonly sentence: string;
  /** @throws ConfigError */
  readonly parse: (text: string) => ParsedConfig<T>;
}

export interface ParsedConfig<T> {
  readonly value: T;
  /** The text in Kafka's own form: trimmed, numbers in plain digits. */
  readonly text: string;
}

const LONG_MAX = 2n ** 63n - 1n;
const BOUNDS = {
  short: [-(2n ** 15n), 2n ** 15n - 1n],
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  long: [-(2n ** 63n), LONG_MAX],
} as const;

/** Stands for 2^63 - 1, "no limit", in the typed value; printed as Kafka prints it. */
export const NO_LIMIT = Number.MAX_SAFE_INTEGER;

export interface IntegerFacts<D extends number | null> extends ConfigFacts {
  readonly default: D;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** A value that is taken although it lies outside the range. */
  readonly orEqual?: number;
}

export function intConfig<D extends number | null>(facts: IntegerFacts<D>) {
  return integerConfig('int', facts);
}

export function shortConfig<D extends number | null>(facts: IntegerFacts<D>) {
  return integerConfig('short', facts);
}

/** A 64-bit integer. Values beyond 2^53 - 1 are kept in text and read as `NO_LIMIT`. */
export function longConfig<D extends number | null>(facts: IntegerFacts<D>) {
  return integerConfig('long', facts);
}

type Widen<D, T> = T | (D extends null ? null : never);

function integerConfig<D extends number | null>(
  type: 'short' | 'int' | 'long',
  facts: IntegerFacts<D>,
): ConfigRow<Widen<D, number>> {
  const [lowest, highest] = BOUNDS[type];
  const parse = (text: string): ParsedConfig<number> => {
    const trimmed = text.trim();
    if (!/^[+-]?\d{1,19}$/.test(trimmed)) {
      throw invalid(facts.name, text, `Not a number of type ${type.toUpperCase()}`);
    }
    const exact = BigInt(trimmed.replace(/^\+/, ''));
    if (exact < lowest || exact > highest) {
      throw invalid(facts.name, text, `Not a number of type ${type.toUpperCase()}`);
    }
    const value = toNumber(exact);
    checkRange(facts, value, exact.toString());
    return { value, text: exact.toString() };
  };
  return row(type, facts, {
    defaultText: facts.default === null ? null : integerText(facts.default),
    defaultValue: facts.default as Widen<D, number>,
    validText: rangeText(facts),
    parse: parse as (text: string) => ParsedConfig<Widen<D, number>>,
  });
}

/** How a typed integer is printed: `NO_LIMIT` as 2^63 - 1. */
export function integerText(value: number): string {
  return value >= NO_LIMIT ? LONG_MAX.toString() : String(value);
}

function toNumber(exact: bigint): number {
  if (exact > BigInt(NO_LIMIT)) return NO_LIMIT;
  if (exact < BigInt(-NO_LIMIT)) return -NO_LIMIT;
  return Number(exact);
}

export interface DoubleFacts extends ConfigFacts {
  readonly default: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export function doubleConfig(facts: DoubleFacts): ConfigRow<number> {
  return row('double', facts, {
    defaultText: doubleText(facts.default),
    defaultValue: facts.default,
    validText: rangeText(facts),
    parse: (text) => {
      const trimmed = text.trim();
      const value = Number(trimmed);
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) {
        throw invalid(facts.name, text, 'Not a number of type DOUBLE');
      }
      checkRange(facts, value, trimmed);
      return { value, text: doubleText(value) };
    },
  });
}

/** A double as Java prints it. */
function doubleText(value: number): string {
  const text = String(value).replace('e+', 'E').replace('e', 'E');
  return /[.E]/.test(text) ? text : `${text}.0`;
}

export interface BooleanFacts extends ConfigFacts {
  readonly default: boolean;
}

export function booleanConfig(facts: BooleanFacts): ConfigRow<boolean> {
  return row('boolean', facts, {
    defaultText: String(facts.default),
    defaultValue: facts.default,
    validText: 'true, false',
    parse: (text) => {
      const lower = text.trim().toLowerCase();
      if (lower !== 'true' && lower !== 'false') {
        throw invalid(facts.name, text, 'Expected value to be either true or false');
      }
      return { value: lower === 'true', text: lower };
    },
  });
}

export interface StringFacts<T extends string, D extends T | null> extends ConfigFacts {
  readonly default: D;
  /** The only values allowed. */
  readonly oneOf?: readonly T[];
  readonly type?: 'string' | 'class';
}

export function stringConfig<T extends string, D extends T | null>(
  facts: StringFacts<T, D>,
): ConfigRow<Widen<D, T>> {
  const allowed: readonly string[] | undefined = facts.oneOf;
  const parse = (text: string): ParsedConfig<string> => {
    const value = text.trim();
    if (allowed !== undefined && !allowed.includes(value)) {
      throw invalid(facts.name, value, `String must be one of: ${allowed.join(', ')}`);
    }
    return { value, text: value };
  };
  return row(facts.type ?? 'string', facts, {
    defaultText: facts.default,
    defaultValue: facts.default as Widen<D, T>,
    validText: allowed?.join(', ') ?? '',
    parse: parse as (text: string) => ParsedConfig<Widen<D, T>>,
  });
}

export interface ListFacts<T, D extends string | null> extends ConfigFacts {
  /** Default in text. */
  readonly default: D;
  readonly oneOf?: readonly string[];
  readonly validText?: string;
  /** Makes the typed value of the trimmed, non-empty items. May throw an Error with a reason. */
  readonly read: (items: readonly string[]) => T;
}

export function listConfig<T, D extends string | null>(
  facts: ListFacts<T, D>,
): ConfigRow<T | (D extends null ? null : never)> {
  const parse = (text: string): ParsedConfig<T> => {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    for (const item of items) {
      if (facts.oneOf !== undefined && !facts.oneOf.includes(item)) {
        throw invalid(facts.name, item, `String must be one of: ${facts.oneOf.join(', ')}`);
      }
    }
    return { value: readItems(facts, items, text), text: items.join(',') };
  };
  type Value = T | (D extends null ? null : never);
  return row<Value>('list', facts, {
    defaultText: facts.default,
    defaultValue: (facts.default === null ? null : parse(facts.default).value) as Value,
    validText: facts.validText ?? facts.oneOf?.join(', ') ?? '',
    parse,
  });
}

function readItems<T, D extends string | null>(
  facts: ListFacts<T, D>,
  items: readonly string[],
  text: string,
): T {
  try {
    return facts.read(items);
  } catch (error) {
    throw invalid(facts.name, text, error instanceof Error ? error.message : String(error));
  }
}

/** A secret: never printed, never described. */
export function passwordConfig(facts: ConfigFacts): ConfigRow<string | null> {
  return row<string | null>('password', facts, {
    defaultText: null,
    defaultValue: null,
    validText: '',
    parse: (text) => ({ value: text, text }),
  });
}

type RowParts<T> = Pick<ConfigRow<T>, 'defaultText' | 'defaultValue' | 'validText' | 'parse'>;

function row<T>(type: ConfigType, facts: ConfigFacts, parts: RowParts<T>): ConfigRow<T> {
  return {
    name: facts.name,
    type,
    dynamic: facts.dynamic ?? 'read-only',
    synonyms: (facts.synonyms ?? []).map((synonym) =>
      typeof synonym === 'string' ? { name: synonym } : synonym,
    ),
    isSensitive: type === 'password',
    hasNoEffect: facts.hasNoEffect ?? false,
    sentence: facts.sentence,
    ...parts,
  };
}

interface Range {
  readonly name: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly orEqual?: number;
}

function checkRange(range: Range, value: number, text: string): void {
  const { atLeast, atMost, orEqual } = range;
  if (orEqual !== undefined) {
    if (value === orEqual || (value >= Number(atLeast) && value <= Number(atMost))) return;
    const reason = `Value must be between ${atLeast} and ${atMost} or equal to ${orEqual}`;
    throw invalid(range.name, text, reason);
  }
  if (range.atLeast !== undefined && value < range.atLeast) {
    throw invalid(range.name, text, `Value must be at least ${range.atLeast}`);
  }
  if (range.atMost !== undefined && value > range.atMost) {
    throw invalid(range.name, text, `Value must be no more than ${range.atMost}`);
  }
}

function rangeText(range: Range): string {
  if (range.atLeast !== undefined && range.atMost !== undefined) {
    const other = range.orEqual === undefined ? '' : ` or ${range.orEqual}`;
    return `[${range.atLeast}, …, ${range.atMost}]${other}`;
  }
  if (range.atLeast !== undefined) return `[${range.atLeast}, …]`;
  return range.atMost === undefined ? '' : `[…, ${range.atMost}]`;
}

function invalid(name: string, text: string, reason: string): ConfigError {
  return new ConfigError(name, `Invalid value ${text} for configuration ${name}: ${reason}`);
}
