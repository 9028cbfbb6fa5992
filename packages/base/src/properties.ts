const SEPARATORS = new Set(['=', ':']);
const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/** A properties file that cannot be read, with the line. */
export class PropertiesError extends Error {
  override readonly name = 'PropertiesError';
}

/**
 * Reads Java's properties format: `key=value`, `key:value` or `key value`, comments with `#` or `!`, a
 * backslash before the line end continues the line, `\uXXXX` and `\t \n \r \f` escapes. The last of two
 * equal keys wins, as in Java.
 * @throws PropertiesError for a malformed \u escape.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const { line, number } of logicalLines(text)) {
    const keyEnd = endOfKey(line);
    let valueStart = keyEnd;
    while (isBlank(line[valueStart])) valueStart++;
    if (SEPARATORS.has(line[valueStart] ?? '')) {
      valueStart++;
      while (isBlank(line[valueStart])) valueStart++;
    }
    properties.set(
      unescaped(line.slice(0, keyEnd), number),
      unescaped(line.slice(valueStart), number),
    );
  }
  return properties;
}

/** Writes one property per line in the form that `parseProperties` and Java read. */
export function formatProperties(properties: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [key, value] of properties) {
    text += `${escaped(key).replace(/[ =:#!]/g, '\\$&')}=${escaped(value).replace(/^ /, '\\ ')}\n`;
  }
  return text;
}

function* logicalLines(text: string): Iterable<{ line: string; number: number }> {
  let continued: string | null = null;
  let startedAt = 0;
  const natural = text.split(/\r\n|\n|\r/);
  for (const [index, raw] of natural.entries()) {
    const trimmed = raw.replace(/^[ \t\f]+/, '');
    if (continued === null) {
      if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!')) continue;
      startedAt = index + 1;
    }
    const line: string = (continued ?? '') + trimmed;
    if (endsInOddBackslashes(trimmed)) {
      continued = line.slice(0, -1);
      continue;
    }
    continued = null;
    yield { line, number: startedAt };
  }
  if (continued !== null && continued !== '') yield { line: continued, number: startedAt };
}

function endsInOddBackslashes(line: string): boolean {
  let count = 0;
  while (line[line.length - 1 - count] === '\\') count++;
  return count % 2 === 1;
}

function endOfKey(line: string): number {
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (char === '\\') at++;
    else if (SEPARATORS.has(char) || isBlank(char)) return at;
  }
  return line.length;
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\f';
}

function unescaped(text: string, lineNumber: number): string {
  if (!text.includes('\\')) return text;
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char !== '\\') {
      out += char;
      continue;
    }
    const next = text[++at];
    if (next === undefined) break;
    if (next === 'u') {
      const digits = text.slice(at + 1, at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
        throw new PropertiesError(`line ${lineNumber}: malformed \\u escape`);
      }
      out += String.fromCharCode(Number.parseInt(digits, 16));
      at += 4;
    } else {
      out += ESCAPES[next] ?? next;
    }
  }
  return out;
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
}
