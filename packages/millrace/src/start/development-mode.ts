import { formatProperties, parseProperties } from '@millrace/base';

/** The gateway's own default. */
const DEFAULT_GATEWAY_LISTEN = '127.0.0.1:8089';
const DEVELOPMENT_LISTENERS = 'PLAINTEXT://127.0.0.1:9092';
const GATEWAY_PREFIX = 'gateway.';

/** One file and one list of overrides, parted between the two services. */
export interface SplitSettings {
  readonly broker: { readonly propertiesText: string; readonly overrides: readonly string[] };
  readonly gateway: { readonly propertiesText: string; readonly overrides: readonly string[] };
  /** What `gateway.listen` is set to, or its default. */
  readonly gatewayListen: string;
}

/**
 * Names that begin with `gateway.` are the gateway's. A broker whose listeners nobody set is kept to this machine too.
 */
export function splitSettings(
  propertiesText: string | undefined,
  overrides: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): SplitSettings {
  const all = parseProperties(propertiesText ?? '');
  const isGateway = (name: string): boolean => name.startsWith(GATEWAY_PREFIX);
  const part = (wanted: boolean): string =>
    formatProperties(new Map([...all].filter(([name]) => isGateway(name) === wanted)));
  const listens =
    all.has('listeners') ||
    environment.KAFKA_LISTENERS !== undefined ||
    overrides.some((override) => override.startsWith('listeners='));
  const gatewayOverrides = overrides.filter(isGateway);
  const listen = gatewayOverrides.findLast((override) => override.startsWith('gateway.listen='));
  return {
    broker: {
      propertiesText: part(false),
      overrides: [
        ...(listens ? [] : [`listeners=${DEVELOPMENT_LISTENERS}`]),
        ...overrides.filter((override) => !isGateway(override)),
      ],
    },
    gateway: { propertiesText: part(true), overrides: gatewayOverrides },
    gatewayListen:
      listen?.slice('gateway.listen='.length) ??
      all.get('gateway.listen') ??
      DEFAULT_GATEWAY_LISTEN,
  };
}

/** What the gateway is in development mode where nothing else was said: open, and for this machine only. */
export function developmentDefaults(
  listen: string,
  bootstrapServers: string,
): ReadonlyMap<string, string> {
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  const names = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
  return new Map([
    ['gateway.kafka.bootstrap.servers', bootstrapServers],
    ['gateway.auth.mode', 'none'],
    ['gateway.demo', 'true'],
    ['gateway.hosts', names.join(',')],
    ['gateway.origins', names.map((name) => `http://${name}`).join(',')],
    // Programs on this machine could say any origin.
    ['gateway.origins.allow.missing', 'true'],
    // Nobody else is connected: Ctrl-C need not be gentle.
    ['gateway.drain.spread.ms', '0'],
    ['gateway.drain.close.after.ms', '100'],
    ['gateway.drain.deadline.ms', '3000'],
    // New topics show up soon.
    ['gateway.kafka.metadata.max.age.ms', '2000'],
  ]);
}
