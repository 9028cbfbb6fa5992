import { ConfigError, type ConfigLayer, type ConfigValues, defineConfig } from '@millrace/base';
import { coordinatorRows } from './broker-rows/coordinator.ts';
import { generalRows } from './broker-rows/general.ts';
import { logRows } from './broker-rows/log.ts';
import type { ConfigSource } from './config-source.ts';
import type { ListenerAddress } from './listener.ts';

export const brokerConfigs = defineConfig('Broker configs', {
  ...generalRows,
  ...logRows,
  ...coordinatorRows,
});

/** The broker's settings in force, typed. Limits of 2^63 - 1 read as `NO_LIMIT`. */
export interface BrokerConfig extends ConfigValues<typeof brokerConfigs.rows> {
  /** `log.dirs`, or else `log.dir`. */
  readonly logDirs: readonly string[];
  /** The listeners to open: those of a KRaft controller left out. */
  readonly openListeners: readonly ListenerAddress[];
}

const SERVED_PROTOCOL = 'PLAINTEXT';

/** Resolves and cross-checks. @throws ConfigError with one sentence for the operator. */
export function brokerConfigOf(layers: readonly ConfigLayer<ConfigSource>[]): BrokerConfig {
  const values = brokerConfigs.resolve({ own: layers, fallback: layers });
  checkTogether(values);
  return {
    ...values,
    logDirs: values.logDirList ?? [values.logDir],
    openListeners: openListenersOf(values),
  };
}

function openListenersOf(
  values: ConfigValues<typeof brokerConfigs.rows>,
): readonly ListenerAddress[] {
  const controllers = new Set(values.controllerListenerNames.map((name) => name.toUpperCase()));
  const open = values.listeners.filter((listener) => !controllers.has(listener.name));
  if (open.length === 0) refuse('listeners', 'listeners names no listener for clients.');
  for (const { name } of open) {
    const protocol = values.listenerSecurityProtocolMap.get(name);
    if (protocol === undefined) {
      refuse('listeners', `listener.security.protocol.map names no protocol for listener ${name}.`);
    }
    if (protocol !== SERVED_PROTOCOL) {
      refuse('listeners', `Listener ${name} wants ${protocol}; only ${SERVED_PROTOCOL} is served.`);
    }
  }
  return open;
}

function checkTogether(values: ConfigValues<typeof brokerConfigs.rows>): void {
  const names = new Set(values.listeners.map((listener) => listener.name));
  for (const { name } of values.advertisedListeners ?? []) {
    if (!names.has(name)) {
      refuse(
        'advertised.listeners',
        `advertised.listeners names ${name}, which is not in listeners.`,
      );
    }
  }
  if (values.processRoles.length > 0 && !values.processRoles.includes('broker')) {
    refuse('process.roles', 'process.roles has no broker in it; there is nothing to run.');
  }
  if (values.logRetentionMs === 0) {
    refuse(
      'log.retention.ms',
      'log.retention.ms must be unlimited (-1) or, equal or greater than 1',
    );
  }
  if (values.logDirList?.length === 0)
    refuse('log.dirs', 'At least one log directory must be defined.');
  if (
    values.queuedMaxRequestBytes > 0 &&
    values.queuedMaxRequestBytes < values.socketRequestMaxBytes
  ) {
    refuse(
      'queued.max.request.bytes',
      'queued.max.request.bytes must be larger or equal to socket.request.max.bytes',
    );
  }
  if (values.groupMinSessionTimeoutMs > values.groupMaxSessionTimeoutMs) {
    refuse(
      'group.min.session.timeout.ms',
      'group.min.session.timeout.ms must not be above group.max.session.timeout.ms.',
    );
  }
}

function refuse(name: string, message: string): never {
  throw new ConfigError(name, message);
}
