import { Writer } from '@millrace/bytes';
import { API_KEYS } from '@millrace/protocol';
import { framed, header, lengthPrefix } from './peer.ts';

const MIB = 1 << 20;

/** What ends a connection, by what is wrong with it. Each makes the broker close (kafka-surface G, H1, H2, H14). */
export const CLOSING_BYTES: Readonly<Record<string, () => Buffer>> = {
  'a length of 0': () => lengthPrefix(0),
  'a length below any header': () => Buffer.concat([lengthPrefix(7), Buffer.alloc(7)]),
  'a length of -1': () => lengthPrefix(-1),
  'a length of -2^31': () => lengthPrefix(-(2 ** 31)),
  'a length of 2^31-1': () => lengthPrefix(2 ** 31 - 1),
  'a length one above the limit': () => lengthPrefix(100 * MIB + 1),
  HTTP: () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  'a TLS hello': () => Buffer.from('16030100c8010000c40303', 'hex'),
  'a large frame of an unknown api': () => {
    return Buffer.concat([lengthPrefix(50 * MIB), Buffer.from('7fff0000', 'hex')]);
  },
  'an unknown api': () => framed(header(93, 0)),
  'a negative api': () => framed(Buffer.from('ffff000000000001ffff', 'hex')),
  'an api of other brokers': () => framed(header(4, 0)),
  'a version above ours': () => framed(header(API_KEYS.Metadata, 99)),
  'a version below ours': () => framed(header(API_KEYS.Fetch, 3)),
  'a negative version': () => framed(Buffer.from('0003ffff00000001ffff', 'hex')),
  'a client id longer than the frame': () => framed(Buffer.from('00030001000000017fff', 'hex')),
  'a client id of length -2': () => framed(Buffer.from('0003000100000001fffe00000000', 'hex')),
  'a body that ends early': () => framed(header(API_KEYS.Metadata, 1), lengthPrefix(3)),
  'bytes after the body': () => framed(header(API_KEYS.Metadata, 1), Buffer.alloc(8)),
  'a count of 2^31-1': () => framed(header(API_KEYS.Metadata, 1), lengthPrefix(2 ** 31 - 1)),
  'a count of -2': () => framed(header(API_KEYS.Metadata, 1), lengthPrefix(-2)),
  'a count one above what fits': () => {
    return framed(header(API_KEYS.Metadata, 1), lengthPrefix(4), Buffer.alloc(6));
  },
  'a compact count of 2^32-1': () => {
    return framed(header(API_KEYS.Metadata, 9), Buffer.from('ffffffff0f', 'hex'));
  },
  'a varint of six bytes': () => {
    return framed(header(API_KEYS.Metadata, 9), Buffer.from('80808080800100', 'hex'));
  },
  'null where null is not allowed': () =>
    framed(header(API_KEYS.CreateTopics, 2), lengthPrefix(-1)),
  'twenty million tags in the header': () => tagsInHeader(20_000_000),
  'two thousand tags in the header': () => tagsInHeader(2_000),
  'a tag of 200 KB in the header': () => framed(tagged([[9, Buffer.alloc(200_000)]])),
  'a tag longer than the frame': () => framed(apiVersionsStart(), Buffer.from('0105ff7f', 'hex')),
  'the same tag twice': () =>
    framed(
      tagged([
        [5, Buffer.alloc(1)],
        [5, Buffer.alloc(1)],
      ]),
    ),
  'tags that descend': () =>
    framed(
      tagged([
        [6, Buffer.alloc(1)],
        [5, Buffer.alloc(1)],
      ]),
    ),
};

/** What may stay open or not, but must do no harm. */
export const ODD_BYTES: Readonly<Record<string, () => Buffer>> = {
  'unknown tags in order': () =>
    framed(
      tagged([
        [5, Buffer.alloc(9)],
        [900, Buffer.alloc(0)],
      ]),
    ),
  'a null client id': () => framed(Buffer.from('0003000100000001ffff00000000', 'hex')),
  'ApiVersions of version 9999': () => framed(Buffer.from('0012270f00000001ffff', 'hex')),
  'a topic name that is no UTF-8': () => {
    const name = Buffer.from('0004c328fffe', 'hex');
    return framed(header(API_KEYS.Metadata, 1), lengthPrefix(1), name);
  },
};

/** Header v2 of ApiVersions 3 without its tags. */
function apiVersionsStart(): Buffer {
  return Buffer.from('0012000300000001ffff', 'hex');
}

function tagsInHeader(count: number): Buffer {
  const tags = Buffer.alloc(count * 2);
  for (let at = 0; at < tags.length; at += 2) tags[at] = 1;
  const writer = new Writer();
  writer.unsignedVarint(count);
  return framed(apiVersionsStart(), writer.finishBytes(), tags);
}

/** ApiVersions 3 with these tags in its header and an honest body. */
function tagged(tags: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new Writer();
  writer.unsignedVarint(tags.length);
  for (const [tag, bytes] of tags) {
    writer.unsignedVarint(tag);
    writer.unsignedVarint(bytes.length);
    for (const byte of bytes) writer.int8(byte);
  }
  writer.compactString('hostile');
  writer.compactString('1');
  writer.unsignedVarint(0);
  return Buffer.concat([apiVersionsStart(), writer.finishBytes()]);
}
