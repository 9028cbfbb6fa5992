import { assert } from './assert.ts';
import { ConfigError, type ConfigRow, type ConfigSynonym, integerText } from './config-row.ts';

export type ConfigRows = Readonly<Record<string, ConfigRow<unknown>>>;

/** The typed object of a table: one field per row. */
export type ConfigValues<R extends ConfigRows> = {
  readonly [K in keyof R]: R[K] extends ConfigRow<infer T> ? T : never;
};

/** Set values of one origin, by config name. */
export interface ConfigLayer<S> {
  readonly source: S;
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Where values are looked up, strongest layer first. A thing's own names count in `own`; the names of
 * synonyms count in `fallback` (the same layers, or those of the thing above: a topic falls back to its
 * broker).
 */
export interface ConfigLookup<S> {
  readonly own: readonly ConfigLayer<S>[];
  readonly fallback: readonly ConfigLayer<S>[];
}

/** One set value of the chain that decides a config. */
export interface ConfigOrigin<S> {
  readonly name: string;
  /** As it was set, in the unit of `name`. */
  readonly text: string;
  readonly source: S;
  /** null for the config's own name. */
  readonly synonym: ConfigSynonym | null;
}

/** All configs of one kind of thing (a broker, a topic). Make it with `defineConfig`. */
export interface ConfigTable<R extends ConfigRows> {
  readonly title: string;
  readonly rows: R;
  readonly byName: ReadonlyMap<string, ConfigRow<unknown>>;
  /** The typed object. @throws ConfigError for the first value that is refused. */
  resolve<S>(lookup: ConfigLookup<S>): ConfigValues<R>;
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
    resolve(lookup) {
      const values: Record<string, unknown> = {};
      for (const [field, row] of Object.entries(rows)) {
        const [strongest] = configOrigins(row, lookup);
        values[field] =
          strongest === undefined ? row.defaultValue : parseOrigin(row, strongest).value;
      }
      return values as ConfigValues<R>;
    },
  };
}

/** Every set value that could decide a config, strongest first: its own name, then each synonym. */
export function configOrigins<S>(
  row: ConfigRow<unknown>,
  lookup: ConfigLookup<S>,
): ConfigOrigin<S>[] {
  const origins: ConfigOrigin<S>[] = [];
  collect(origins, row.name, null, lookup.own);
  for (const synonym of row.synonyms) collect(origins, synonym.name, synonym, lookup.fallback);
  return origins;
}

function collect<S>(
  origins: ConfigOrigin<S>[],
  name: string,
  synonym: ConfigSynonym | null,
  layers: readonly ConfigLayer<S>[],
): void {
  for (const { source, values } of layers) {
    const text = values.get(name);
    if (text !== undefined) origins.push({ name, text, source, synonym });
  }
}

/** The value in force as text in canonical form, in the config's own unit; null when there is none. */
export function configText<S>(row: ConfigRow<unknown>, lookup: ConfigLookup<S>): string | null {
  const [strongest] = configOrigins(row, lookup);
  return strongest === undefined ? row.defaultText : parseOrigin(row, strongest).text;
}

function parseOrigin<T, S>(row: ConfigRow<T>, origin: ConfigOrigin<S>) {
  return row.parse(scaled(row.name, origin));
}

/** Brings a synonym's number to the unit of the config it stands for; -1 ("no limit") stays -1. */
function scaled<S>(name: string, origin: ConfigOrigin<S>): string {
  const scale = origin.synonym?.scale;
  if (scale === undefined) return origin.text;
  const value = Number(origin.text.trim());
  if (!Number.isInteger(value)) {
    const reason = `Invalid value ${origin.text} for configuration ${origin.name}`;
    throw new ConfigError(name, `${reason}: Not a number of type INT`);
  }
  return value < 0 ? String(value) : integerText(value * scale);
}
