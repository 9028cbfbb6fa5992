import { readFile } from 'node:fs/promises';
import type { Clock, Logger, Timer } from '@millrace/base';

const FILE_BYTES_MAX = 16 << 20;
const ENTRIES_MAX = 200_000;

/** What of a token a revocation names. */
export interface Revocable {
  readonly subject: string;
  readonly jti: string | null;
  readonly issuedAtMs: number;
}

export interface Revocations {
  isRevoked(token: Revocable): boolean;
  /** Calls back after the list has changed: whoever holds connections looks at them again. */
  onChange(listener: () => void): void;
}

interface RevocationList {
  readonly text: string;
  readonly jtis: ReadonlySet<string>;
  /** Tokens of a subject issued before this, Unix ms. */
  readonly beforeMs: ReadonlyMap<string, number>;
}

const NOTHING: RevocationList = { text: '', jtis: new Set(), beforeMs: new Map() };

/** The revocation list of a file, read again and again. A file that turns unreadable changes nothing. */
export class RevocationFile implements Revocations {
  readonly #path: string | null;
  readonly #log: Logger;
  readonly #listeners: (() => void)[] = [];
  #list = NOTHING;
  #timer: Timer | null = null;
  #isReading = false;

  /** @param path null: nothing is ever revoked. */
  constructor(path: string | null, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  isRevoked({ subject, jti, issuedAtMs }: Revocable): boolean {
    if (jti !== null && this.#list.jtis.has(jti)) return true;
    return issuedAtMs < (this.#list.beforeMs.get(subject) ?? Number.NEGATIVE_INFINITY);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads the file, then every `periodMs`. Rejects when it cannot be read the first time. */
  async start(clock: Clock, periodMs: number): Promise<void> {
    if (this.#path === null) return;
    await this.#read(this.#path);
    this.#timer = clock.setInterval(periodMs, () => void this.#readAgain());
  }

  close(): void {
    this.#timer?.cancel();
  }

  async #readAgain(): Promise<void> {
    if (this.#path === null || this.#isReading) return;
    this.#isReading = true;
    try {
      await this.#read(this.#path);
    } catch (error) {
      this.#log.warnLimited(
        'revocations',
        'the revocation list cannot be read; the old one holds',
        {
          error: String(error),
        },
      );
    }
    this.#isReading = false;
  }

  async #read(path: string): Promise<void> {
    const bytes = await readFile(path);
    if (bytes.length > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes`);
    const text = bytes.toString('utf8');
    if (text === this.#list.text) return;
    this.#list = parseRevocations(text);
    for (const listener of this.#listeners) listener();
  }
}

/** Reads `[{"jti":"…"}, {"sub":"…","before":UNIX_SECONDS}, …]`. @throws Error for anything else. */
export function parseRevocations(text: string): RevocationList {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries) || entries.length > ENTRIES_MAX) {
    throw new Error(`a list of at most ${ENTRIES_MAX} entries is wanted`);
  }
  const jtis = new Set<string>();
  const beforeMs = new Map<string, number>();
  for (const entry of entries as Readonly<Record<string, unknown>>[]) {
    if (typeof entry?.jti === 'string') jtis.add(entry.jti);
    else if (typeof entry?.sub === 'string' && typeof entry.before === 'number') {
      const known = beforeMs.get(entry.sub) ?? Number.NEGATIVE_INFINITY;
      beforeMs.set(entry.sub, Math.max(known, entry.before * 1000));
    } else throw new Error(`${JSON.stringify(entry)} is neither {"jti"} nor {"sub","before"}`);
  }
  return { text, jtis, beforeMs };
}
