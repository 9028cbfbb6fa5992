import { expect, test } from 'vitest';
import { codeOnly, importsOf } from './source.ts';

const specifiers = (source: string): string[] =>
  importsOf(source).map(({ specifier }) => specifier);

test('finds imports, types, re-exports and dynamic imports, with their lines', () => {
  const source = [
    "import a from './a.ts';",
    "import type { B } from '@millrace/bytes';",
    "import {\n  c,\n  type D,\n} from './c.ts';",
    "export { e } from './e.ts';",
    "export * from './f.ts';",
    "import './g.ts';",
    "const h = await import('./h.ts');",
  ].join('\n');
  expect(importsOf(source)).toEqual([
    { specifier: './a.ts', line: 1 },
    { specifier: '@millrace/bytes', line: 2 },
    { specifier: './c.ts', line: 6 },
    { specifier: './e.ts', line: 7 },
    { specifier: './f.ts', line: 8 },
    { specifier: './g.ts', line: 9 },
    { specifier: './h.ts', line: 10 },
  ]);
});

test('takes nothing from comments, and no text for an import', () => {
  expect(specifiers("// import a from './a.ts';\n/* import './b.ts'; */")).toEqual([]);
  expect(specifiers("const text = 'x';\nexport const from = 1;")).toEqual([]);
});

test('leaves code alone and blanks comments, strings and regular expressions', () => {
  const source =
    "const a = 'Date.now'; // Date.now\nconst b = /Date\\.now/.test(a) ? 1 / 2 : Date.now();";
  const code = codeOnly(source);
  expect(code.match(/Date\.now/g)).toHaveLength(1);
  expect(code.split('\n')[1]).toContain('1 / 2 : Date.now()');
  expect(code).toHaveLength(source.length);
});
