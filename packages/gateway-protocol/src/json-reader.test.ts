import { describe, expect, test } from 'vitest';
import { clientSample, clientSamples } from './frames.test-samples.ts';
import { readJsonMessage } from './json-reader.ts';
import { encodeJsonFrame, type JsonFrameInput } from './json-writer.ts';
import { clientLimits, serverLimits } from './limits.ts';
import type { MessageReading } from './message-reading.ts';

const read = (message: string | Uint8Array) => readJsonMessage(message, 'toServer', clientLimits);
const utf8 = (text: string) => new TextEncoder().encode(text);

/** `close` for 4501, the refusal's sentence, or `read`. */
function fate(reading: MessageReading): string {
  if (!reading.ok) {
    expect(reading).toMatchObject({ closeCode: 4501, errorCode: 107 });
    return 'close';
  }
  const refusal = reading.frames.find((frame) => frame.kind === 'refused');
  return refusal?.kind === 'refused' ? refusal.message : 'read';
}

const pause = '{"t":"pause","sub":1}';
const deep = (levels: number) => `{"t":"pause","sub":${'['.repeat(levels)}1${']'.repeat(levels)}}`;
const commit = (offset: string) =>
  `{"t":"commit","req":1,"sub":1,"name":"n","offsets":[{"partition":0,"offset":${offset},"epoch":4}]}`;
const hello = (members: string) => `{"t":"hello",${members}}`;
const publish = (members: string) => `{"t":"publish","seq":1,"topic":"t",${members}}`;
const subscribe = (members: string) => `{"t":"subscribe","req":1,"sub":1,"topic":"t",${members}}`;

describe('C08: a message that is not to be understood closes', () => {
  test.each([
    ['nothing', ''],
    ['no object', '1'],
    ['an array', `[${pause}]`],
    ['space in front', ` ${pause}`],
    ['space behind', `${pause} `],
    ['an end of line behind', `${pause}\n`],
    ['two ends of line', `${pause}\n\n${pause}`],
    ['no end of line between', pause + pause],
    ['65 frames', Array<string>(65).fill(pause).join('\n')],
    ['no kind', '{"sub":1}'],
    ['a kind that is no string', '{"t":14,"sub":1}'],
    ['an unknown kind', '{"t":"records2"}'],
    ['the kind of an object property', '{"t":"toString"}'],
    ['a frame of a server', '{"t":"caughtUp","stream":1,"offset":"1"}'],
    ['depth 17', deep(16)],
    ['__proto__', '{"t":"pause","sub":1,"__proto__":{"polluted":true}}'],
    ['an escaped __proto__', '{"t":"pause","sub":1,"\\u005f_proto__":1}'],
    ['constructor deep inside', commit('{"constructor":{"prototype":{"polluted":1}}}')],
    ['prototype', '{"t":"pause","prototype":1}'],
    ['4,097 members', `{"t":"pause","sub":1,${many(4095)}}`],
    ['a lone surrogate', publish('"value":"\\ud800"')],
    ['surrogates in the wrong order', publish('"value":"\\udc00\\ud800"')],
    ['a control character in a string', publish('"value":"a\tb"')],
    ['an escape that is none', publish('"value":"\\x41"')],
    ['a short escape', publish('"value":"\\u12"')],
    ['a string without end', '{"t":"pau'],
    ['a comma too many', '{"t":"pause","sub":1,}'],
    ['a number with a leading zero', '{"t":"pause","sub":01}'],
    ['a number with a plus', '{"t":"pause","sub":+1}'],
    ['NaN', '{"t":"pause","sub":NaN}'],
    ['a comment', '{"t":"pause","sub":1/**/}'],
    ['single quotes', "{'t':'pause'}"],
    ['more elements than a field takes', subscribe(`"partitions":[${'1,'.repeat(1024)}1]`)],
    ['an id of 15 bytes', hello(`"producerSession":"${'A'.repeat(20)}"`)],
    ['text that is too long', hello(`"client":"${'é'.repeat(65)}"`)],
    ['a message above the limit', publish(`"value":"${'x'.repeat(65_536)}"`)],
  ])('%s', (_, message) => {
    expect(fate(read(message))).toBe('close');
    expect(fate(read(utf8(message)))).toBe('close');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('bytes that are not UTF-8', () => {
    const bytes = utf8(pause);
    bytes[3] = 0xff;
    expect(read(bytes)).toMatchObject({ ok: false, check: 'V5' });
  });
});

describe('C08: a field that means nothing refuses its frame', () => {
  test.each([
    ['a duplicate member', '{"t":"pause","sub":1,"sub":1}', 'a member stands there twice'],
    ['an unknown member', '{"t":"pause","sub":1,"more":1}', 'an unknown member'],
    ['an unknown member inside', commit('"1","later":1'), 'an unknown member'],
    [
      'an offset with a fraction',
      commit('1.5'),
      'offset is neither a safe integer nor a decimal string',
    ],
    [
      'an unsafe offset',
      commit('9007199254740993'),
      'offset is neither a safe integer nor a decimal string',
    ],
    [
      'an offset in hexadecimal',
      commit('"0x10"'),
      'offset is neither a safe integer nor a decimal string',
    ],
    ['an empty offset', commit('""'), 'offset is neither a safe integer nor a decimal string'],
    ['an offset beyond 64 bits', commit('"9223372036854775808"'), 'offset is out of range'],
    ['a negative offset', commit('"-1"'), 'offset is out of range'],
    ['an integer with a fraction', '{"t":"pause","sub":1.5}', 'sub is not an integer'],
    ['an integer beyond its type', '{"t":"pause","sub":4294967296}', 'sub is out of range'],
    ['an integer as a string', '{"t":"pause","sub":"1"}', 'sub is not an integer'],
    ['an infinite number', '{"t":"pause","sub":1e999}', 'sub is not an integer'],
    ['a required number left out', '{"t":"pause"}', 'sub is missing'],
    [
      'a struct without its partition',
      '{"t":"commit","req":1,"sub":1,"name":"n","offsets":[{"offset":"1"}]}',
      'partition is missing',
    ],
    ['a required text left out', '{"t":"publish","seq":1}', 'topic is missing'],
    ['a required text empty', '{"t":"publish","seq":1,"topic":""}', 'topic is too short'],
    ['an enum by number', subscribe('"start":1'), 'start is none of its names'],
    ['an enum in another case', subscribe('"start":"Earliest"'), 'start is none of its names'],
    ['a boolean by number', publish('"retry":1'), 'retry is not a boolean'],
    ['bytes that are a number', publish('"value":1'), 'value are no bytes'],
    ['bytes in wrong base64', publish('"value":{"b64":"A==="}'), 'value are no bytes'],
    ['bytes with another member', publish('"value":{"b64":"AQ==","x":1}'), 'value are no bytes'],
    [
      'an id in base64 with padding',
      hello('"producerSession":"AAAAAAAAAAAAAAAAAAAAAA=="'),
      'producerSession are no bytes',
    ],
    ['a list that is none', subscribe('"partitions":{"0":1}'), 'partitions is not a list'],
    ['an object that is none', commit('1').replace(/\[.*\]/, '[1]'), 'offsets is not an object'],
    [
      'a filter that is none',
      subscribe('"filter":{"key":{"like":"x"}}'),
      '"like" is no comparison',
    ],
  ])('%s', (_, message, problem) => {
    expect(fate(read(message))).toBe(problem);
    expect(fate(read(`${message}\n${pause}`))).toBe(problem);
  });

  test('the refusal names the ids that could be read, and the frames beside it are read', () => {
    const reading = read(`${pause}\n${subscribe('"lane":9')}\n${publish('"acks":"none"')}`);
    expect(reading).toMatchObject({
      ok: true,
      frames: [
        { kind: 'pause', sub: 1 },
        { kind: 'refused', frame: 'subscribe', req: 1, sub: 1, message: 'lane is out of range' },
        { kind: 'refused', frame: 'publish', seq: 1n, errorCode: 107 },
      ],
    });
  });
});

describe('what is read', () => {
  test('64-bit integers as strings and as safe numbers', () => {
    for (const offset of ['"9007199254740993"', '104', '1.04e2', '"0"']) {
      expect(fate(read(commit(offset)))).toBe('read');
    }
    expect(read(commit('"9007199254740993"'))).toMatchObject({
      frames: [{ offsets: [{ offset: 9007199254740993n, partition: 0, epoch: 4 }] }],
    });
  });

  test('an epoch that is left out is unknown, not 0', () => {
    expect(
      read('{"t":"commit","req":1,"sub":1,"name":"n","offsets":[{"partition":0,"offset":"5"}]}'),
    ).toMatchObject({
      frames: [{ offsets: [{ offset: 5n, partition: 0, epoch: -1 }] }],
    });
  });

  test('bytes as text, as base64 with and without padding, and null', () => {
    const value = (text: string) => {
      const reading = read(publish(`"value":${text}`));
      return reading.ok && reading.frames[0]?.kind === 'publish'
        ? reading.frames[0].value
        : undefined;
    };
    expect(value('"é😀\\n"')).toEqual(utf8('é😀\n'));
    expect(value('"\\ud83d\\ude00"')).toEqual(utf8('😀'));
    expect(value('{"b64":"/w=="}')).toEqual(Uint8Array.of(255));
    expect(value('{"b64":"/w"}')).toEqual(Uint8Array.of(255));
    expect(value('null')).toBeNull();
    expect(value('""')).toEqual(new Uint8Array(0));
  });

  test('depth 16, 4,096 members, 64 frames and white space inside of a frame', () => {
    expect(fate(read(deep(15)))).toBe('sub is not an integer');
    expect(fate(read(`{"t":"pause","sub":1,${many(4094)}}`))).toBe('an unknown member');
    expect(fate(read(Array<string>(64).fill(pause).join('\n')))).toBe('read');
    expect(fate(read('{ "t" : "pause" ,\r\n\t"sub" : 1 }'))).toBe('read');
  });

  test('a client passes over members that it does not know, but not over duplicates', () => {
    const pong = (members: string) =>
      readJsonMessage(`{"t":"pong","nonce":1${members}}`, 'toClient', serverLimits);
    expect(fate(pong(',"later":{"x":[1]}'))).toBe('read');
    expect(fate(pong(',"nonce":2'))).toBe('a member stands there twice');
  });

  test('the text of a frame is the schema in camelCase', () => {
    expect(encodeJsonFrame(clientSample('subscribe'))).toBe(
      '{"t":"subscribe","req":4,"sub":5,"lane":1,"topic":"orders","topicId":"AQIDBAUGBwgJCgsMDQ4PEA",' +
        '"partitions":[0,2],"start":"offsets","offsets":[{"offset":"104","partition":0,"epoch":4},' +
        '{"offset":"9007199254740993","partition":2,"epoch":-1}],"timestampMs":"1700000000000","lastN":10,' +
        '"name":"mine","resume":"AQID","onGap":"latest","onDiverged":"nearest","onRecreated":"latest",' +
        '"filter":{"and":[{"key":{"in":["a","bc"]}},{"header":{"name":"kind","exists":true}}]},' +
        '"projection":7,"isolation":"uncommitted","policy":"conflateKey","maxRate":100,"maxWaitMs":20,' +
        '"maxLagMs":1000,"credit":4096,"grant":"g.h.i"}',
    );
    expect(encodeJsonFrame({ kind: 'ping' })).toBe('{"t":"ping"}');
  });
});

/** So many members that no frame has. */
function many(count: number): string {
  return Array.from({ length: count }, (_, i) => `"m${i}":1`).join(',');
}

const FOREIGN = ['{}', '{"b64":"AA=="}', '[]', '[{}]', 'null', 'true', '"1"', '1e400', '-1', '0.5'];

test.each(clientSamples.map((frame) => [frame.kind, frame] as const))(
  'C08: any value for any member of %s: a reading, never a throw',
  (_, frame) => {
    const text = encodeJsonFrame(frame as JsonFrameInput);
    const names = Object.keys(JSON.parse(text) as object).filter((name) => name !== 't');
    // Two at a time: what is wrong with one is answered by what stands in another.
    for (const first of names)
      for (const second of names)
        for (const foreign of FOREIGN) {
          const members = { ...(JSON.parse(text) as object), [first]: '@', [second]: '@' };
          const message = JSON.stringify(members).replaceAll('"@"', foreign);
          expect(fate(read(message))).toBeTypeOf('string');
        }
  },
);
