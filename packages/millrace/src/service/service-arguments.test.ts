import { expect, test } from 'vitest';
import { parseServiceArguments } from './service-arguments.ts';

test('a file and overrides, in any order', () => {
  expect(
    parseServiceArguments(['--override', 'a=1', 'server.properties', '--override=b=2=3']),
  ).toEqual({
    isHelp: false,
    propertiesPath: 'server.properties',
    overrides: ['a=1', 'b=2=3'],
  });
  expect(parseServiceArguments([])).toEqual({
    isHelp: false,
    propertiesPath: undefined,
    overrides: [],
  });
  expect(parseServiceArguments(['-h']).isHelp).toBe(true);
});

test.each([
  [['a.properties', 'b.properties'], 'one properties file is enough'],
  [['--port', '9092'], '--port'],
  [['--override'], 'argument missing'],
])('%j is refused in a sentence', (argv, text) => {
  expect(() => parseServiceArguments(argv)).toThrow(text);
});
