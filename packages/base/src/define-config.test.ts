import { describe, expect, it } from 'vitest';
import { configReference } from './config-reference.ts';
import {
  booleanConfig,
  doubleConfig,
  intConfig,
  listConfig,
  longConfig,
  NO_LIMIT,
  passwordConfig,
  stringConfig,
} from './config-row.ts';
import { type ConfigLookup, configOrigins, configText, defineConfig } from './define-config.ts';

const table = defineConfig('Things', {
  size: intConfig({ name: 'size', default: 5, atLeast: 1, atMost: 9, sentence: 'How large.' }),
  keepMs: longConfig({
    name: 'keep.ms',
    synonyms: ['log.keep.ms', { name: 'log.keep.minutes', scale: 60_000 }],
    default: 100,
    atLeast: -1,
    sentence: 'How long.',
  }),
  limit: longConfig({ name: 'limit', default: NO_LIMIT, sentence: 'How much.' }),
  ratio: doubleConfig({ name: 'ratio', default: 0.5, atLeast: 0, atMost: 1, sentence: 'Share.' }),
  isOn: booleanConfig({ name: 'on', default: false, sentence: 'Whether.' }),
  kind: stringConfig({ name: 'kind', default: 'a', oneOf: ['a', 'b'], sentence: 'Which.' }),
  names: listConfig({ name: 'names', default: 'x', read: (items) => items, sentence: 'Who.' }),
  secret: passwordConfig({ name: 'secret', sentence: 'What.' }),
});

function lookup(own: Record<string, string>, fallback: Record<string, string> = {}) {
  const layer = (source: string, values: Record<string, string>) => ({
    source,
    values: new Map(Object.entries(values)),
  });
  const result: ConfigLookup<string> = {
    own: [layer('own', own)],
    fallback: [layer('fallback', fallback)],
  };
  return result;
}

const resolve = (own: Record<string, string>, fallback?: Record<string, string>) =>
  table.resolve(lookup(own, fallback));

describe('defineConfig', () => {
  it('gives defaults where nothing is set', () => {
    expect(resolve({})).toEqual({
      size: 5,
      keepMs: 100,
      limit: NO_LIMIT,
      ratio: 0.5,
      isOn: false,
      kind: 'a',
      names: ['x'],
      secret: null,
    });
  });

  it('reads values as Kafka does', () => {
    expect(
      resolve({ size: ' 7 ', on: 'TRUE', ratio: '1e-1', names: ' a, b ,', kind: 'b', limit: '+3' }),
    ).toMatchObject({ size: 7, isOn: true, ratio: 0.1, names: ['a', 'b'], kind: 'b', limit: 3 });
    expect(resolve({ limit: '9223372036854775807' }).limit).toBe(NO_LIMIT);
  });

  it.each([
    ['size', 'x', 'Invalid value x for configuration size: Not a number of type INT'],
    ['size', '0', 'Invalid value 0 for configuration size: Value must be at least 1'],
    ['size', '10', 'Invalid value 10 for configuration size: Value must be no more than 9'],
    [
      'size',
      '2147483648',
      'Invalid value 2147483648 for configuration size: Not a number of type INT',
    ],
    ['keep.ms', '1.5', 'Invalid value 1.5 for configuration keep.ms: Not a number of type LONG'],
    ['limit', '9223372036854775808', 'Not a number of type LONG'],
    ['ratio', '1.01', 'Invalid value 1.01 for configuration ratio: Value must be no more than 1'],
    ['ratio', 'NaN', 'Not a number of type DOUBLE'],
    [
      'on',
      'yes',
      'Invalid value yes for configuration on: Expected value to be either true or false',
    ],
    ['kind', 'c', 'Invalid value c for configuration kind: String must be one of: a, b'],
  ])('refuses %s=%s in Kafka’s words', (name, value, message) => {
    expect(() => resolve({ [name]: value })).toThrow(message);
  });

  it('takes the first synonym that is set, in its own unit', () => {
    expect(resolve({}, { 'log.keep.minutes': '2' }).keepMs).toBe(120_000);
    expect(resolve({}, { 'log.keep.minutes': '-1' }).keepMs).toBe(-1);
    expect(resolve({}, { 'log.keep.minutes': '2', 'log.keep.ms': '7' }).keepMs).toBe(7);
    expect(resolve({ 'keep.ms': '1' }, { 'log.keep.ms': '7' }).keepMs).toBe(1);
  });

  it('does not take a thing’s own name from the layers it falls back to', () => {
    expect(resolve({}, { 'keep.ms': '7' }).keepMs).toBe(100);
  });

  it('lists what decided a value, strongest first', () => {
    const chain = configOrigins(
      table.rows.keepMs,
      lookup({ 'keep.ms': '1' }, { 'log.keep.minutes': '2', 'log.keep.ms': '7' }),
    );
    expect(chain.map(({ name, text, source }) => [name, text, source])).toEqual([
      ['keep.ms', '1', 'own'],
      ['log.keep.ms', '7', 'fallback'],
      ['log.keep.minutes', '2', 'fallback'],
    ]);
  });

  it('prints values in Kafka’s form', () => {
    const text = (own: Record<string, string>, name: string) => {
      const row = table.byName.get(name);
      return row === undefined ? undefined : configText(row, lookup(own));
    };
    expect(text({}, 'limit')).toBe('9223372036854775807');
    expect(text({ limit: '9007199254740993' }, 'limit')).toBe('9007199254740993');
    expect(text({ ratio: '1' }, 'ratio')).toBe('1.0');
    expect(text({ names: 'a , b' }, 'names')).toBe('a,b');
    expect(text({ size: '007' }, 'size')).toBe('7');
    expect(text({}, 'secret')).toBeNull();
  });

  it('refuses two rows of one name', () => {
    const row = booleanConfig({ name: 'on', default: true, sentence: '' });
    expect(() => defineConfig('Twice', { a: row, b: row })).toThrow('on is defined twice');
  });

  it('makes a page of its rows', () => {
    const page = configReference(table);
    expect(page).toContain('| `size` | int | 5 | [1, …, 9] | read-only | How large. |');
    expect(page).toContain('Falls back to `log.keep.ms`, `log.keep.minutes`.');
  });
});
