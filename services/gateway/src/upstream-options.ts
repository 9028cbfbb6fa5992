import { readFileSync } from 'node:fs';
import { type Clock, ConfigError, type Prng } from '@millrace/base';
import { type ClientOptions, saslPlain, saslScram } from '@millrace/client';
import type { GatewayConfig } from './config/gateway-config.ts';

/** What `gateway.kafka.*` says, for the client. @throws ConfigError when a file or a name is missing. */
export function clientOptionsOf(config: GatewayConfig, clock: Clock, random: Prng): ClientOptions {
  const protocol = config.kafkaSecurityProtocol;
  return {
    bootstrapServers: config.kafkaBootstrapServers,
    clientId: config.kafkaClientId,
    requestTimeoutMs: config.kafkaRequestTimeoutMs,
    metadataMaxAgeMs: config.kafkaMetadataMaxAgeMs,
    clock,
    random,
    ...(protocol.endsWith('SSL') ? { tls: tlsOf(config) } : {}),
    ...(protocol.startsWith('SASL') ? { sasl: saslOf(config) } : {}),
  };
}

function tlsOf({ kafkaSslCa }: GatewayConfig): NonNullable<ClientOptions['tls']> {
  if (kafkaSslCa === null) return {};
  try {
    return { ca: readFileSync(kafkaSslCa) };
  } catch (cause) {
    const name = 'gateway.kafka.ssl.ca';
    throw new ConfigError(name, `${name}: ${kafkaSslCa} cannot be read.`, { cause });
  }
}

function saslOf(config: GatewayConfig): NonNullable<ClientOptions['sasl']> {
  const { kafkaSaslMechanism, kafkaSaslUsername: username, kafkaSaslPassword: password } = config;
  if (username === null || password === null) {
    const name = 'gateway.kafka.sasl.username';
    throw new ConfigError(name, `${name} and gateway.kafka.sasl.password must be set.`);
  }
  const credentials = { username, password };
  switch (kafkaSaslMechanism) {
    case 'PLAIN':
      return saslPlain(credentials);
    case 'SCRAM-SHA-256':
      return saslScram('sha256', credentials);
    case 'SCRAM-SHA-512':
      return saslScram('sha512', credentials);
  }
}
