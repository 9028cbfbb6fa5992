import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@millrace/base';
import type { Engine, ReactorOptions } from '@millrace/engine';
import { readStaticConfig, type StaticConfig, unknownNameHint } from './config/config-file.ts';

/** How to start a broker. Everything may be left out. */
export interface BrokerOptions {
  /** Content of a `server.properties`. */
  readonly propertiesText?: string;
  /** `key=value` each; later ones win over earlier ones and over the file. */
  readonly overrides?: readonly string[];
  /** Environment variables; `KAFKA_LOG_RETENTION_MS` is `log.retention.ms`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /**
   * What is not set: `embedded` (default) listens on a free port of 127.0.0.1 and keeps its data in a temporary
   * directory that goes with the broker; `kafka` takes Kafka's own defaults.
   */
  readonly defaults?: 'embedded' | 'kafka';
  /** Where the broker says what happens; silent when absent. */
  readonly logger?: Logger;
  /** The engine to run on; the native one when absent. */
  readonly openEngine?: (options: ReactorOptions) => Engine;
}

/** The static configuration, and what to clean up after the broker. */
export interface PreparedOptions {
  readonly config: StaticConfig;
  /** Removes the temporary directory, if there is one. */
  readonly cleanUp: () => Promise<void>;
}

/** @throws ConfigError, PropertiesError */
export async function prepareOptions(options: BrokerOptions): Promise<PreparedOptions> {
  const config = readStaticConfig(options);
  for (const name of config.unknownNames) {
    const what = unknownNameHint(name) ?? '';
    options.logger?.warn('this config is not known here and has no effect', { name, what });
  }
  if (config.idleNames.length > 0) {
    const names = config.idleNames.join(' ');
    options.logger?.warn('these configs are accepted here without effect', { names });
  }
  if (options.defaults === 'kafka') return { config, cleanUp: async () => {} };
  const values = new Map(config.values);
  if (!values.has('listeners')) values.set('listeners', 'PLAINTEXT://127.0.0.1:0');
  // A second broker in the process must find everything free.
  if (!values.has('millrace.metrics.listener')) values.set('millrace.metrics.listener', '');
  if (values.has('log.dirs') || values.has('log.dir')) {
    return { config: { ...config, values }, cleanUp: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  values.set('log.dirs', join(folder, 'data'));
  return {
    config: { ...config, values },
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}
