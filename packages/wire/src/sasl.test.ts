import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { saslOauthBearer, saslPlain, saslScram } from './sasl.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

/** The server's half of SCRAM, as RFC 5802 has it. */
function scramServer(digest: 'sha256' | 'sha512', password: string, lie = false) {
  const salt = Buffer.from('a salt of our own');
  const length = digest === 'sha256' ? 32 : 64;
  const salted = pbkdf2Sync(password, salt, 4096, length, digest);
  const mac = (key: Buffer, value: string) => createHmac(digest, key).update(value).digest();
  let clientFirst = '';
  let serverFirst = '';
  return async (token: Uint8Array): Promise<Uint8Array> => {
    const message = text(token);
    if (clientFirst === '') {
      clientFirst = message.slice(3);
      const nonce = /r=(.*)$/.exec(clientFirst)?.[1] ?? '';
      serverFirst = `r=${nonce}server,s=${salt.toString('base64')},i=4096`;
      return bytes(serverFirst);
    }
    const [, withoutProof, proof] = /^(.*),p=(.*)$/.exec(message) ?? [];
    const authMessage = `${clientFirst},${serverFirst},${withoutProof}`;
    const storedKey = createHash(digest).update(mac(salted, 'Client Key')).digest();
    const signature = mac(storedKey, authMessage);
    const key = Buffer.from(proof ?? '', 'base64').map((b, i) => b ^ (signature[i] as number));
    const same = createHash(digest).update(key).digest().equals(storedKey);
    if (!same) return bytes('e=invalid-proof');
    const server = mac(mac(salted, lie ? 'Another Key' : 'Server Key'), authMessage);
    return bytes(`v=${server.toString('base64')}`);
  };
}

describe('SASL', () => {
  it('PLAIN sends user and password behind an empty authorization id', async () => {
    const sent: string[] = [];
    await saslPlain({ username: 'ann', password: 'p w' }).authenticate(async (token) => {
      sent.push(text(token));
      return new Uint8Array();
    });
    expect(sent).toEqual(['\0ann\0p w']);
  });

  it.each(['sha256', 'sha512'] as const)(
    'SCRAM %s proves itself and checks the broker',
    async (digest) => {
      const right = saslScram(digest, { username: 'a=b,c', password: 'secret' });
      await expect(right.authenticate(scramServer(digest, 'secret'))).resolves.toBeUndefined();
      await expect(right.authenticate(scramServer(digest, 'other'))).rejects.toThrow(
        'invalid-proof',
      );
      const liar = scramServer(digest, 'secret', true);
      await expect(right.authenticate(liar)).rejects.toThrow('signature is wrong');
    },
  );

  it('SCRAM refuses too few iterations and a nonce that is not ours', async () => {
    const mechanism = saslScram('sha256', { username: 'u', password: 'p' });
    const weak = async (token: Uint8Array) =>
      bytes(`${/r=.*/.exec(text(token))?.[0]}x,s=c2FsdA==,i=1`);
    await expect(mechanism.authenticate(weak)).rejects.toThrow('1 iterations');
    const foreign = async () => bytes('r=somebody,s=c2FsdA==,i=4096');
    await expect(mechanism.authenticate(foreign)).rejects.toThrow('changed our nonce');
  });

  it('OAUTHBEARER turns an error answer into a refusal', async () => {
    const mechanism = saslOauthBearer(async () => 'token');
    await expect(mechanism.authenticate(async () => bytes('{"status":"x"}'))).rejects.toThrow(
      'refused the bearer token',
    );
  });
});
