import { expect, test } from 'vitest';
import { parseBrokerArguments } from './broker-arguments.ts';

test('a file and overrides, in any order', () => {
  expect(
    parseBrokerArguments(['--override', 'a=1', 'server.properties', '--override=b=2=3']),
  ).toEqual({
    isHelp: false,
    propertiesPath: 'server.properties',
    overrides: ['a=1', 'b=2=3'],
  });
  expect(parseBrokerArguments([])).toEqual({
    isHelp: false,
    propertiesPath: undefined,
    overrides: [],
  });
  expect(parseBrokerArguments(['-h']).isHelp).toBe(true);
});

test.each([
  [['a.properties', 'b.properties'], 'one properties file is enough'],
  [['--port', '9092'], '--port'],
  [['--override'], 'argument missing'],
])('%j is refused in a sentence', (argv, text) => {
  expect(() => parseBrokerArguments(argv)).toThrow(text);
});
