import type { JSONWebKeySet } from 'jose';

const TIMEOUT_MS = 5000;
const BODY_BYTES_MAX = 1 << 20;

/** Fetches a JSON Web Key Set: no redirects, in five seconds, of at most one MiB. Rejects otherwise. */
export async function fetchKeySet(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return parseKeySet(await boundedText(response));
}

/** @throws Error when the text is no key set. */
export function parseKeySet(text: string): JSONWebKeySet {
  const value = JSON.parse(text) as Partial<JSONWebKeySet> | null;
  if (!Array.isArray(value?.keys) || value.keys.length === 0) {
    throw new Error('a JSON Web Key Set {"keys":[…]} with at least one key is wanted');
  }
  for (const key of value.keys) {
    if (typeof key !== 'object' || typeof key?.kty !== 'string') throw new Error('a key lacks kty');
    if (key.kty === 'oct') throw new Error('a key set holds public keys, not secrets');
    if (typeof key.kid !== 'string') throw new Error('a key lacks kid, so no token can name it');
  }
  return { keys: value.keys };
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error(`more than ${BODY_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
