import { intConfig, passwordConfig, stringConfig } from '@millrace/base';

/** The cluster that is read; names as in Kafka's own clients. */
export const kafkaRows = {
  kafkaBootstrapServers: stringConfig({
    name: 'gateway.kafka.bootstrap.servers',
    default: '127.0.0.1:9092',
    sentence: 'Brokers of the cluster, HOST:PORT, separated by commas.',
  }),
  kafkaClientId: stringConfig({
    name: 'gateway.kafka.client.id',
    default: 'millrace-gateway',
    sentence: 'How the gateway names itself to brokers.',
  }),
  kafkaRequestTimeoutMs: intConfig({
    name: 'gateway.kafka.request.timeout.ms',
    default: 30_000,
    atLeast: 1000,
    sentence: 'Longest wait for an answer of a broker.',
  }),
  kafkaMetadataMaxAgeMs: intConfig({
    name: 'gateway.kafka.metadata.max.age.ms',
    default: 30_000,
    atLeast: 1000,
    sentence: 'Age at which topics and partitions are asked for again: how soon new ones are seen.',
  }),
  kafkaSecurityProtocol: stringConfig({
    name: 'gateway.kafka.security.protocol',
    default: 'PLAINTEXT',
    oneOf: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'],
    sentence: 'How the gateway speaks to brokers.',
  }),
  kafkaSslCa: stringConfig({
    name: 'gateway.kafka.ssl.ca',
    default: null,
    sentence:
      'Path of the certificates that brokers are checked against, PEM; unset: the system’s.',
  }),
  kafkaSaslMechanism: stringConfig({
    name: 'gateway.kafka.sasl.mechanism',
    default: 'SCRAM-SHA-256',
    oneOf: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    sentence: 'How the gateway proves to brokers who it is.',
  }),
  kafkaSaslUsername: stringConfig({
    name: 'gateway.kafka.sasl.username',
    default: null,
    sentence: 'The name it uses.',
  }),
  kafkaSaslPassword: passwordConfig({
    name: 'gateway.kafka.sasl.password',
    sentence: 'The password of that name.',
  }),
};
