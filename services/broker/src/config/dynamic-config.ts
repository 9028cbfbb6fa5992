import { ConfigError, type ConfigLayer } from '@millrace/base';
import { type BrokerConfig, brokerConfigOf, brokerConfigs } from './broker-config.ts';
import { ConfigSource } from './config-source.ts';

/** Which set of dynamic overrides: this broker's own, or the default for every broker of the cluster. */
export type DynamicScope = 'broker' | 'cluster';

type Overrides = ReadonlyMap<string, string>;

/**
 * The broker's configuration as it changes: what it was started with, and above that the overrides that
 * were set over the wire. Whoever holds `config` always reads the values in force.
 */
export class DynamicConfig {
  readonly config: BrokerConfig;
  #static: Overrides;
  readonly #listeners = new Set<() => void>();
  #overrides: Readonly<Record<DynamicScope, Overrides>> = { broker: new Map(), cluster: new Map() };

  /** @throws ConfigError */
  constructor(staticValues: Overrides) {
    this.#static = staticValues;
    this.config = brokerConfigOf(this.layers);
  }

  /** Names that were set at start and that no row knows. */
  get unknownNames(): readonly string[] {
    return [...this.#static.keys()].filter((name) => !brokerConfigs.byName.has(name));
  }

  /** Where broker settings are looked up, strongest first. */
  get layers(): readonly ConfigLayer<ConfigSource>[] {
    return this.#layersWith(this.#overrides);
  }

  overrides(scope: DynamicScope): Overrides {
    return this.#overrides[scope];
  }

  /** @throws ConfigError when this set of overrides may not stand. */
  check(scope: DynamicScope, next: Overrides): void {
    for (const name of next.keys()) checkChangeable(scope, name);
    brokerConfigOf(this.#layersWith({ ...this.#overrides, [scope]: next }));
  }

  /** Puts a set of overrides in force, then tells the listeners. @throws ConfigError, nothing changed then. */
  apply(scope: DynamicScope, next: Overrides): void {
    const overrides = { ...this.#overrides, [scope]: next };
    // Rooms keep the one object, so its fields change in place.
    Object.assign(this.config, brokerConfigOf(this.#layersWith(overrides)));
    this.#overrides = overrides;
    for (const listener of this.#listeners) listener();
  }

  /** Settles `broker.id` when it was left to be found out (-1). */
  adoptBrokerId(brokerId: number): void {
    if (this.config.brokerId !== -1) return;
    this.#static = new Map([...this.#static, ['broker.id', String(brokerId)]]);
    Object.assign(this.config, brokerConfigOf(this.layers));
  }

  /** Calls back after every change. Returns the way to stop it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #layersWith(
    overrides: Readonly<Record<DynamicScope, Overrides>>,
  ): readonly ConfigLayer<ConfigSource>[] {
    return [
      { source: ConfigSource.dynamicBroker, values: overrides.broker },
      { source: ConfigSource.dynamicDefaultBroker, values: overrides.cluster },
      { source: ConfigSource.staticBroker, values: this.#static },
    ];
  }
}

function checkChangeable(scope: DynamicScope, name: string): void {
  const row = brokerConfigs.byName.get(name);
  if (row === undefined || row.dynamic === 'read-only') {
    throw new ConfigError(name, `Cannot update these configs dynamically: [${name}]`);
  }
  if (scope === 'cluster' && row.dynamic === 'per-broker') {
    throw new ConfigError(
      name,
      `Cannot update these configs at default cluster level, broker id must be specified: Set(${name})`,
    );
  }
}
