import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { WireConnectionError } from './wire-error.ts';

const pbkdf2Async = promisify(pbkdf2);

/** Fewer is not worth the name; more is an attack on our CPU (RFC 5802 leaves the bounds to us). */
const SCRAM_ITERATIONS_MIN = 4096;
const SCRAM_ITERATIONS_MAX = 1_000_000;
const NONCE_BYTES = 24;

/** Sends one token and gives the broker's answer to it. */
export type SaslExchange = (token: Uint8Array) => Promise<Uint8Array>;

/** How a client proves who it is; `authenticate` throws kind `authentication` when the proof fails. */
export interface SaslMechanism {
  /** The name sent in SaslHandshake, `SCRAM-SHA-256` for example. */
  readonly name: string;
  readonly authenticate: (exchange: SaslExchange) => Promise<void>;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** PLAIN (RFC 4616): the password itself, so only ever inside TLS or on a trusted wire. */
export function saslPlain(credentials: Credentials): SaslMechanism {
  return {
    name: 'PLAIN',
    authenticate: async (exchange) => {
      await exchange(encoder.encode(`\0${credentials.username}\0${credentials.password}`));
    },
  };
}

/** OAUTHBEARER (RFC 7628). `token` is asked for at every authentication. */
export function saslOauthBearer(token: () => Promise<string>): SaslMechanism {
  return {
    name: 'OAUTHBEARER',
    authenticate: async (exchange) => {
      const answer = await exchange(encoder.encode(`n,,\x01auth=Bearer ${await token()}\x01\x01`));
      if (answer.length > 0) {
        await exchange(Uint8Array.of(1));
        throw new WireConnectionError('authentication', 'the broker refused the bearer token');
      }
    },
  };
}

/** SCRAM-SHA-256 or SCRAM-SHA-512 (RFC 5802, RFC 7677), checking the broker's own proof too. */
export function saslScram(digest: 'sha256' | 'sha512', credentials: Credentials): SaslMechanism {
  return {
    name: digest === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512',
    authenticate: (exchange) => scram(digest, credentials, exchange),
  };
}

async function scram(
  digest: 'sha256' | 'sha512',
  { username, password }: Credentials,
  exchange: SaslExchange,
): Promise<void> {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  const user = username.replaceAll('=', '=3D').replaceAll(',', '=2C');
  const clientFirst = `n=${user},r=${nonce}`;
  const serverFirst = decoder.decode(await exchange(encoder.encode(`n,,${clientFirst}`)));
  const first = attributes(serverFirst);
  const serverNonce = first.get('r') ?? '';
  const iterations = Number(first.get('i'));
  if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length) {
    throw new WireConnectionError('authentication', 'SCRAM: the broker changed our nonce');
  }
  if (!(iterations >= SCRAM_ITERATIONS_MIN && iterations <= SCRAM_ITERATIONS_MAX)) {
    throw new WireConnectionError(
      'authentication',
      `SCRAM: ${first.get('i')} iterations; ${SCRAM_ITERATIONS_MIN}…${SCRAM_ITERATIONS_MAX} are accepted`,
    );
  }
  const salt = Buffer.from(first.get('s') ?? '', 'base64');
  const keyBytes = digest === 'sha256' ? 32 : 64;
  const salted = await pbkdf2Async(password.normalize('NFKC'), salt, iterations, keyBytes, digest);
  const mac = (key: Buffer, text: string) => createHmac(digest, key).update(text).digest();
  const clientKey = mac(salted, 'Client Key');
  const storedKey = createHash(digest).update(clientKey).digest();
  const finalWithoutProof = `c=biws,r=${serverNonce}`;
  const authMessage = `${clientFirst},${serverFirst},${finalWithoutProof}`;
  const signature = mac(storedKey, authMessage);
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number));
  const proofText = Buffer.from(proof).toString('base64');
  const serverFinal = decoder.decode(
    await exchange(encoder.encode(`${finalWithoutProof},p=${proofText}`)),
  );
  const final = attributes(serverFinal);
  const failure = final.get('e');
  if (failure !== undefined) {
    throw new WireConnectionError('authentication', `SCRAM: the broker answered ${failure}`);
  }
  const expected = mac(mac(salted, 'Server Key'), authMessage);
  const given = Buffer.from(final.get('v') ?? '', 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new WireConnectionError('authentication', "SCRAM: the broker's signature is wrong");
  }
}

/** `r=…,s=…,i=…` as a map. Values may hold `=`. */
function attributes(message: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of message.split(',')) {
    if (part[1] === '=') found.set(part[0] as string, part.slice(2));
  }
  return found;
}
