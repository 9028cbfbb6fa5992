import { FilterOp } from '@millrace/gateway-protocol';

/** A name, or what names begin with. No regular expressions anywhere (§19.10). */
export interface Pattern {
  readonly kind: 'literal' | 'prefix';
  readonly text: string;
}

/** What the placeholders of a pattern stand for. */
export interface PatternValues {
  readonly sub: string;
  readonly tenant: string;
}

const PLACEHOLDER = /\{(sub|tenant)\}/g;

/**
 * Reads `literal`, `prefix*` or `*`, with `{sub}` and `{tenant}` filled in afterwards, so that a `*` in a subject is
 * only a character. null where a placeholder stands for nothing: `{tenant}.*` must not become `.*` of everybody.
 */
export function readPattern(template: string, values: PatternValues): Pattern | null {
  const isPrefix = template.endsWith('*');
  const body = isPrefix ? template.slice(0, -1) : template;
  let isEmpty = false;
  const text = body.replace(PLACEHOLDER, (_, name: keyof PatternValues) => {
    if (values[name] === '') isEmpty = true;
    return values[name];
  });
  return isEmpty ? null : { kind: isPrefix ? 'prefix' : 'literal', text };
}

export function matches(pattern: Pattern, text: string): boolean {
  return pattern.kind === 'literal' ? text === pattern.text : text.startsWith(pattern.text);
}

/** True when a record with this key may be appended under the pattern. Bytes are compared, as filters do. */
export function keyMatches(pattern: Pattern, key: Uint8Array | null): boolean {
  if (key === null) return pattern.kind === 'prefix' && pattern.text === '';
  const wanted = Buffer.from(pattern.text);
  if (pattern.kind === 'literal') return wanted.equals(key);
  return key.length >= wanted.length && wanted.equals(key.subarray(0, wanted.length));
}

/** The filter operation of a pattern, for the key or for a header. */
export function filterOpOf(pattern: Pattern, of: 'KEY' | 'HEADER'): number {
  return pattern.kind === 'literal' ? FilterOp[`${of}_EQ`] : FilterOp[`${of}_PREFIX`];
}
