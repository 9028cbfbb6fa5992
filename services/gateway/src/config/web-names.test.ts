import { describe, expect, test } from 'vitest';
import { hostIsAllowed, originIsAllowed, parseHostRule, parseOrigin } from './web-names.ts';

describe('C04: the Origin header', () => {
  const origins = [parseOrigin('https://app.test'), parseOrigin('http://127.0.0.1:8089')];
  test.each([
    ['https://app.test', true],
    ['https://APP.test', true],
    ['HTTPS://app.test', true],
    ['https://app.test:443', true],
    ['http://127.0.0.1:8089', true],
    ['http://app.test', false],
    ['https://app.test:8443', false],
    ['https://app.test.evil.test', false],
    ['https://evil-app.test', false],
    ['https://xapp.test', false],
    ['https://app.test@evil.test', false],
    ['https://app.test/', false],
    ['https://app.test?', false],
    ['https://app.test#', false],
    ['https://app.test\\.evil.test', false],
    ['https://app.test, https://evil.test', false],
    ['http://127.0.0.1', false],
    ['http://127.1:8089', true],
    ['null', false],
    ['', false],
  ])('%s: %s', (header, allowed) => {
    expect(originIsAllowed(header, origins)).toBe(allowed);
  });
});

describe('the Host header', () => {
  const rules = [
    parseHostRule('App.test'),
    parseHostRule('127.0.0.1:8089'),
    parseHostRule('[::1]:8089'),
  ];
  test.each([
    ['app.test', true],
    ['APP.TEST:9999', true],
    ['127.0.0.1:8089', true],
    ['127.0.0.1', false],
    ['127.0.0.1:8090', false],
    ['[::1]:8089', true],
    ['app.test.', false],
    ['evil.test', false],
    ['app.test@evil.test', false],
    ['app.test:', false],
    ['', false],
  ])('%s: %s', (header, allowed) => {
    expect(hostIsAllowed(header, rules)).toBe(allowed);
  });
});

test('rules that are none are refused', () => {
  for (const text of ['null', 'https://', 'app.test', 'https://a.test/p', 'https://u@a.test']) {
    expect(() => parseOrigin(text)).toThrow(text);
  }
  for (const text of ['https://a', 'a:99999', '', 'a/b'])
    expect(() => parseHostRule(text)).toThrow();
});
