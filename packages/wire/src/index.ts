export {
  type BrokerAddress,
  BrokerConnection,
  type RequestOptions,
  type VersionRange,
  type WireOptions,
} from './broker-connection.ts';
export {
  type Credentials,
  type SaslExchange,
  type SaslMechanism,
  saslOauthBearer,
  saslPlain,
  saslScram,
} from './sasl.ts';
export { WireConnectionError, type WireErrorKind } from './wire-error.ts';
