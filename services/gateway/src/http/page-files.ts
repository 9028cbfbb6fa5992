import { readFile } from 'node:fs/promises';
import type { PlainAnswer } from '../ws/socket-server.ts';

/** Nothing but the page's own files, and no page may frame it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
} as const;

/** What the build leaves in dist/page, by the path it is served under. */
const FILES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.js': { name: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { name: 'page.css', type: 'text/css; charset=utf-8' },
  '/icon.svg': { name: 'icon.svg', type: 'image/svg+xml' },
};

/** The files of the demo page, read once. */
export class PageFiles {
  readonly #answers: ReadonlyMap<string, PlainAnswer>;

  private constructor(answers: ReadonlyMap<string, PlainAnswer>) {
    this.#answers = answers;
  }

  /** @throws Error when the page has not been built. */
  static async read(): Promise<PageFiles> {
    // By the package's name: this code may run from src, from dist or from a bundle.
    const folder = new URL('dist/page/', import.meta.resolve('@millrace/gateway/package.json'));
    const answers = new Map<string, PlainAnswer>();
    for (const [path, { name, type }] of Object.entries(FILES)) {
      const body = await readFile(new URL(name, folder)).catch((error: unknown) => {
        throw new Error('the demo page has not been built: npm run build', { cause: error });
      });
      answers.set(path, { status: 200, headers: { ...HEADERS, 'content-type': type }, body });
    }
    return new PageFiles(answers);
  }

  /** null for a path that is none of the page's. */
  answer(path: string): PlainAnswer | null {
    return this.#answers.get(path) ?? null;
  }
}
