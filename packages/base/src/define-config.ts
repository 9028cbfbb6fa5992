import { assert } from './assert.ts';
import { ConfigError, type ConfigRow, type ConfigSynonym, integerText } from './config-row.ts';

export type ConfigRows = Readonly<Record<string, ConfigRow<unknown>>>;

/** The typed object of a table: one field per row. */
export type ConfigValues<R extends ConfigRows> = {
  readonly [K in keyof R]: R[K] extends ConfigRow<infer T> ? T : never;
};

/** Set values of one origin, by config name. Earlier layers win. */
export interface ConfigLayer<S> {
  readonly source: S;
  readonly values: ReadonlyMap<string, string>;
}

/** One value of the chain that decides a config, as DescribeConfigs lists it. */
export interface ConfigOrigin<S> {
  readonly name: string;
  /** In the unit of `name`, not of the config that is described. */
  readonly text: string;
  readonly source: S;
}

/** All configs of one kind of thing (a broker, a topic). Make it with `defineConfig`. */
export interface ConfigTable<R extends ConfigRows> {
  readonly title: string;
  readonly rows: R;
  readonly byName: ReadonlyMap<string, ConfigRow<unknown>>;
  /** The typed object. @throws ConfigError for the first value that is refused. */
  resolve<S>(layers: readonly ConfigLayer<S>[]): ConfigValues<R>;
  /** Checks one value. @throws ConfigError when it is refused. Unknown names are the caller's business. */
  check(name: string, text: string): void;
}

export function defineConfig<const R extends ConfigRows>(title: string, rows: R): ConfigTable<R> {
  const byName = new Map<string, ConfigRow<unknown>>();
  for (const row of Object.values(rows)) {
    assert(!byName.has(row.name), `config ${row.name} is defined twice`);
    byName.set(row.name, row);
  }
  return {
    title,
    rows,
    byName,
    resolve(layers) {
      const values: Record<string, unknown> = {};
      for (const [field, row] of Object.entries(rows)) values[field] = resolveRow(row, layers);
      return values as ConfigValues<R>;
    },
    check(name, text) {
      byName.get(name)?.parse(text);
    },
  };
}

/** The typed value of one row: the first set value among its own name and synonyms, else its default. */
function resolveRow<T, S>(row: ConfigRow<T>, layers: readonly ConfigLayer<S>[]): T {
  for (const synonym of [{ name: row.name }, ...row.synonyms]) {
    for (const layer of layers) {
      const text = layer.values.get(synonym.name);
      if (text !== undefined) return row.parse(scaled(row.name, synonym, text)).value;
    }
  }
  return row.defaultValue;
}

/**
 * The chain of set values that decides a config, strongest first: its own name in every layer, then each
 * synonym. Texts are in canonical form. `table` holds the rows of the synonyms, where they have any.
 */
export function configOrigins<S>(
  row: ConfigRow<unknown>,
  layers: readonly ConfigLayer<S>[],
  rowsByName: ReadonlyMap<string, ConfigRow<unknown>>,
): ConfigOrigin<S>[] {
  const origins: ConfigOrigin<S>[] = [];
  for (const synonym of [{ name: row.name }, ...row.synonyms]) {
    for (const layer of layers) {
      const text = layer.values.get(synonym.name);
      if (text === undefined) continue;
      const owner = synonym.name === row.name ? row : rowsByName.get(synonym.name);
      origins.push({
        name: synonym.name,
        text: owner?.parse(text).text ?? text,
        source: layer.source,
      });
    }
  }
  return origins;
}

/** The value in force as text in canonical form; null when there is none. */
export function configText<S>(
  row: ConfigRow<unknown>,
  layers: readonly ConfigLayer<S>[],
): string | null {
  for (const synonym of [{ name: row.name }, ...row.synonyms]) {
    for (const layer of layers) {
      const text = layer.values.get(synonym.name);
      if (text !== undefined) return row.parse(scaled(row.name, synonym, text)).text;
    }
  }
  return row.defaultText;
}

/** Brings a synonym's number to the unit of the config it stands for; -1 ("no limit") stays -1. */
function scaled(name: string, synonym: ConfigSynonym, text: string): string {
  if (synonym.scale === undefined) return text;
  const value = Number(text.trim());
  if (!Number.isInteger(value)) {
    throw new ConfigError(
      name,
      `Invalid value ${text} for configuration ${synonym.name}: Not a number of type INT`,
    );
  }
  return value < 0 ? String(value) : integerText(value * synonym.scale);
}
