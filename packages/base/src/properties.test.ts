import { describe, expect, it } from 'vitest';
import { formatProperties, parseProperties } from './properties.ts';

describe('parseProperties', () => {
  it.each([
    ['key=value', [['key', 'value']]],
    ['key = value with spaces  ', [['key', 'value with spaces  ']]],
    ['key:value', [['key', 'value']]],
    ['key value', [['key', 'value']]],
    ['key', [['key', '']]],
    ['  key\t=\tvalue', [['key', 'value']]],
    ['# comment\n! another\n\nkey=1', [['key', '1']]],
    [
      'a=1\r\nb=2\rc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['key=a,\\\n    b,\\\n\tc', [['key', 'a,b,c']]],
    [
      'key=a\\\\\nother=b',
      [
        ['key', 'a\\'],
        ['other', 'b'],
      ],
    ],
    ['key\\ with\\=odd\\:signs=v', [['key with=odd:signs', 'v']]],
    ['key=tab\\there \\u00e4 \\q', [['key', 'tab\there ä q']]],
    ['key=value # not a comment', [['key', 'value # not a comment']]],
    ['key=first\nkey=second', [['key', 'second']]],
    ['path=C\\:\\\\data', [['path', 'C:\\data']]],
    ['# comment ends with a backslash\\\nkey=1', [['key', '1']]],
    ['key=1\\', [['key', '1']]],
    ['listeners=PLAINTEXT://:9092,SSL://h:9093', [['listeners', 'PLAINTEXT://:9092,SSL://h:9093']]],
  ])('reads %j', (text, expected) => {
    expect([...parseProperties(text)]).toEqual(expected);
  });

  it('names the line of a malformed escape', () => {
    expect(() => parseProperties('a=1\nb=\\u12')).toThrow('line 2: malformed \\u escape');
  });

  it('reads back what it writes', () => {
    const odd = new Map([
      ['a b=c:d#e!f', ' leading\\ and\nlines\t'],
      ['plain', ''],
    ]);
    expect(parseProperties(formatProperties(odd))).toEqual(odd);
  });
});
