import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError, parseProperties } from '@millrace/base';
import { addressText, isLoopback } from './address.ts';
import { type GatewayConfig, gatewayConfigs } from './gateway-config.ts';

export interface ConfigInputs {
  /** Content of a properties file. */
  readonly propertiesText?: string;
  /** `key=value` each; later ones win, and all win over the file. */
  readonly overrides?: readonly string[];
  /** What counts where neither says anything: the settings of development mode. */
  readonly defaults?: ReadonlyMap<string, string>;
}

const SECRET_BYTES_MIN = 32;

/**
 * Reads and cross-checks the settings.
 * @throws ConfigError with one sentence for the operator; PropertiesError for a file that cannot be read.
 */
export function readGatewayConfig(inputs: ConfigInputs): GatewayConfig {
  const values = new Map([
    ...(inputs.defaults ?? []),
    ...parseProperties(inputs.propertiesText ?? ''),
    ...(inputs.overrides ?? []).map(splitOverride),
  ]);
  for (const name of values.keys()) {
    if (!gatewayConfigs.byName.has(name)) {
      throw new ConfigError(name, `${name} is no setting of the gateway.`);
    }
  }
  const layers = [{ source: 'given', values }];
  const config = gatewayConfigs.resolve({ own: layers, fallback: layers });
  checkListeners(config);
  checkSizes(config);
  checkAuth(config);
  return config;
}

function splitOverride(override: string): [string, string] {
  const equals = override.indexOf('=');
  const name = override.slice(0, equals).trim();
  if (equals < 0 || name === '') {
    throw new ConfigError(override, `--override takes key=value, not ${JSON.stringify(override)}.`);
  }
  return [name, override.slice(equals + 1).trim()];
}

function checkListeners(config: GatewayConfig): void {
  const { listen, adminListen, tlsCert, tlsKey } = config;
  if ((tlsCert === null) !== (tlsKey === null)) {
    refuse('gateway.tls.cert', 'gateway.tls.cert and gateway.tls.key go together.');
  }
  if (tlsCert !== null && tlsKey !== null) checkCertificate(tlsCert, tlsKey);
  if (!isLoopback(listen.host) && tlsCert === null && !config.tlsTerminatedUpstream) {
    refuse(
      'gateway.listen',
      `gateway.listen=${addressText(listen)} is not loopback and there is no TLS: set gateway.tls.cert and ` +
        'gateway.tls.key, or gateway.tls.terminated.upstream=true when a proxy does it.',
    );
  }
  if (listen.port !== 0 && addressText(listen) === addressText(adminListen)) {
    refuse('gateway.admin.listen', 'gateway.admin.listen must differ from gateway.listen.');
  }
  if (config.processes > 1 && listen.port === 0) {
    refuse('gateway.processes', 'gateway.processes above 1 needs a port in gateway.listen.');
  }
}

function checkSizes(config: GatewayConfig): void {
  atMost(config, 'gateway.ring.partition.bytes', 'gateway.ring.total.bytes');
  atMost(config, 'gateway.ring.total.bytes', 'gateway.memory.bytes');
  atMost(config, 'gateway.cold.read.bytes', 'gateway.cold.cache.bytes');
  atMost(config, 'gateway.cold.cache.bytes', 'gateway.memory.bytes');
  atMost(config, 'gateway.conflate.total.bytes', 'gateway.memory.bytes');
  atMost(config, 'gateway.conflate.max.bytes', 'gateway.conflate.total.bytes');
  atMost(config, 'gateway.publish.max.bytes', 'gateway.inbound.message.max.bytes');
  atMost(config, 'gateway.publish.max.bytes', 'gateway.publish.inflight.bytes');
  atMost(config, 'gateway.publish.inflight.bytes', 'gateway.publish.inflight.total.bytes');
  atMost(config, 'gateway.record.max.bytes', 'gateway.ring.partition.bytes');
  atMost(config, 'gateway.drain.spread.ms', 'gateway.drain.deadline.ms');
  atMost(config, 'gateway.drain.close.after.ms', 'gateway.drain.deadline.ms');
}

function checkAuth(config: GatewayConfig): void {
  const { authMode, authSecret, authKeys, authJwksUrl, authAlgorithms, listen } = config;
  if (authMode === 'none') {
    if (isLoopback(listen.host)) return;
    refuse(
      'gateway.auth.mode',
      `gateway.auth.mode=none lets everybody do everything, and gateway.listen=${addressText(listen)} is not loopback.`,
    );
  }
  const hasPublicKeys = authKeys !== null || authJwksUrl !== null;
  if (authSecret === null && !hasPublicKeys) {
    refuse(
      'gateway.auth.keys',
      'Nothing tells whether a token is genuine: set gateway.auth.keys, gateway.auth.jwks.url or gateway.auth.secret.',
    );
  }
  if (authSecret !== null && hasPublicKeys) {
    refuse('gateway.auth.secret', 'gateway.auth.secret excludes public keys.');
  }
  if (authSecret !== null && Buffer.byteLength(authSecret) < SECRET_BYTES_MIN) {
    refuse('gateway.auth.secret', `gateway.auth.secret must have ${SECRET_BYTES_MIN} bytes.`);
  }
  const isHmac = authAlgorithms.includes('HS256');
  if (
    authAlgorithms.length === 0 ||
    isHmac !== (authSecret !== null) ||
    (isHmac && authAlgorithms.length > 1)
  ) {
    refuse(
      'gateway.auth.algorithms',
      'gateway.auth.algorithms must be HS256 alone with gateway.auth.secret, and others without it.',
    );
  }
  if (authJwksUrl !== null && !/^https:\/\/[^@]+$/.test(authJwksUrl)) {
    refuse('gateway.auth.jwks.url', 'gateway.auth.jwks.url must be an https URL.');
  }
  for (const name of ['gateway.auth.issuer', 'gateway.auth.audience'] as const) {
    const value = name === 'gateway.auth.issuer' ? config.authIssuer : config.authAudience;
    if (value === null || value === '') refuse(name, `${name} must be set.`);
  }
}

const NUMBERS = new Map(
  Object.entries(gatewayConfigs.rows).map(([field, row]) => [
    row.name,
    field as keyof GatewayConfig,
  ]),
);

function atMost(config: GatewayConfig, smaller: string, larger: string): void {
  const [low, high] = [smaller, larger].map((name) =>
    Number(config[NUMBERS.get(name) as keyof GatewayConfig]),
  ) as [number, number];
  if (low > high) refuse(smaller, `${smaller} (${low}) must not be above ${larger} (${high}).`);
}

function checkCertificate(certPath: string, keyPath: string): void {
  try {
    createSecureContext({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
  } catch (error) {
    const why = (error as Error).message.split('\n').join(' ');
    refuse('gateway.tls.cert', `gateway.tls.cert and gateway.tls.key cannot be used: ${why}`);
  }
}

function refuse(name: string, message: string): never {
  throw new ConfigError(name, message);
}
