/** One import or re-export of a TypeScript file, types included. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/**
 * The source with comments and the insides of strings, templates and regular expressions replaced by spaces, line by
 * line the same length: what is left is code. `keepStrings` leaves strings as they are.
 */
export function codeOnly(source: string, keepStrings = false): string {
  const out = source.split('');
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' ';
  };
  let i = 0;
  let last = ''; // the last code character that is not a space: tells division from a regular expression
  while (i < source.length) {
    const two = source.slice(i, i + 2);
    const char = source[i] ?? '';
    if (two === '//' || two === '/*') {
      const close = two === '//' ? source.indexOf('\n', i) : source.indexOf('*/', i + 2) + 2;
      const end = close < i ? source.length : close;
      blank(i, end);
      i = end;
    } else if (char === "'" || char === '"' || char === '`') {
      const end = endOfQuoted(source, i, char);
      if (!keepStrings) blank(i + 1, end - 1);
      last = char;
      i = end;
    } else if (char === '/' && /[=(,:;!&|?{}[+\n]|^$/.test(last)) {
      const end = endOfRegExp(source, i);
      blank(i + 1, end - 1);
      last = '/';
      i = end;
    } else {
      if (char.trim() !== '') last = char;
      i++;
    }
  }
  return out.join('');
}

function endOfQuoted(source: string, start: number, quote: string): number {
  let i = start + 1;
  while (i < source.length && source[i] !== quote) i += source[i] === '\\' ? 2 : 1;
  return Math.min(i + 1, source.length);
}

function endOfRegExp(source: string, start: number): number {
  let i = start + 1;
  let inClass = false;
  while (i < source.length && source[i] !== '\n') {
    if (source[i] === '\\') i++;
    else if (source[i] === '[') inClass = true;
    else if (source[i] === ']') inClass = false;
    else if (source[i] === '/' && !inClass) return i + 1;
    i++;
  }
  return i;
}

const IMPORT =
  /(?:^|[;\n}])\s*(?:import|export)\s+(?:type\s+)?(?:[\w$*\s{},]+?\s+from\s+)?(['"])([^'"\n]+)\1|\bimport\(\s*(['"])([^'"\n]+)\3\s*\)/g;

/** Every module that `source` imports or re-exports, with dynamic imports of literal names. */
export function importsOf(source: string): Import[] {
  const code = codeOnly(source, true);
  return [...code.matchAll(IMPORT)].map((match) => ({
    specifier: match[2] ?? match[4] ?? '',
    line: code.slice(0, (match.index ?? 0) + match[0].length).split('\n').length,
  }));
}
