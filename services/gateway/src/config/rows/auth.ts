import { intConfig, listConfig, passwordConfig, stringConfig } from '@millrace/base';

const ALGORITHMS = [
  'EdDSA',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'HS256',
] as const;

/** A signature algorithm that can be configured; `none` is not one. */
export type JwtAlgorithm = (typeof ALGORITHMS)[number];

/** Who tells whether a token is genuine. */
export const authRows = {
  authMode: stringConfig({
    name: 'gateway.auth.mode',
    default: 'jwt',
    oneOf: ['jwt', 'none'],
    sentence:
      '`none` lets everybody do everything, and is refused unless only this machine reaches it.',
  }),
  authKeys: stringConfig({
    name: 'gateway.auth.keys',
    default: null,
    sentence: 'Path of a JSON Web Key Set with public keys.',
  }),
  authSecret: passwordConfig({
    name: 'gateway.auth.secret',
    sentence: 'Shared secret of HS256, at least 32 bytes; excludes public keys.',
  }),
  authJwksUrl: stringConfig({
    name: 'gateway.auth.jwks.url',
    default: null,
    sentence: 'https URL that a JSON Web Key Set is fetched from.',
  }),
  authIssuer: stringConfig({
    name: 'gateway.auth.issuer',
    default: null,
    sentence: 'What `iss` of a token must be.',
  }),
  authAudience: stringConfig({
    name: 'gateway.auth.audience',
    default: null,
    sentence: 'What `aud` of a token must contain.',
  }),
  authAlgorithms: listConfig({
    name: 'gateway.auth.algorithms',
    default: 'EdDSA,ES256,RS256',
    oneOf: ALGORITHMS,
    read: (items) => items as readonly JwtAlgorithm[],
    sentence: 'Signature algorithms that are accepted.',
  }),
  authJwksMaxStaleMs: intConfig({
    name: 'gateway.auth.jwks.max.stale.ms',
    default: 3_600_000,
    atLeast: 60_000,
    sentence: 'Age of fetched keys beyond which they count no more, so that nobody gets in.',
  }),
  authVerifyConcurrency: intConfig({
    name: 'gateway.auth.verify.concurrency',
    default: 8,
    atLeast: 1,
    atMost: 256,
    sentence: 'Signatures checked at the same time.',
  }),
  authRevocationsFile: stringConfig({
    name: 'gateway.auth.revocations.file',
    default: null,
    sentence: 'Path of the revocation list: JSON, `[{"jti":…} | {"sub":…,"before":SECONDS}, …]`.',
  }),
  authRevocationsMs: intConfig({
    name: 'gateway.auth.revocations.ms',
    default: 5000,
    atLeast: 100,
    sentence: 'How often the revocation list is read again.',
  }),
};
