import { readFileSync } from 'node:fs';
import { Reader, type ReaderOptions, Writer } from '@millrace/bytes';
import * as protocol from '../src/index.ts';

/** Variants of golden/GoldenFrames.java. */
export const NAMED = 1;
export const UNKNOWN_TAGS = 8;

export interface Frame {
  readonly name: string;
  readonly version: number;
  readonly variant: number;
  readonly bytes: Uint8Array;
}

interface Codec {
  readonly decode: (reader: Reader, version: number) => unknown;
  readonly encode: (writer: Writer, value: never, version: number) => void;
}

/** Frames of one file. */
function framesOf(file: string): Frame[] {
  const bytes = new Uint8Array(readFileSync(new URL(`./${file}`, import.meta.url)));
  const reader = new Reader(bytes);
  const frames: Frame[] = [];
  while (reader.remaining > 0) {
    const name = reader.string();
    const version = reader.int16();
    const variant = reader.int8();
    frames.push({ name, version, variant, bytes: reader.byteArray() });
  }
  return frames;
}

/** The codec of a message, together with the header that stands before it in a frame. */
function codecOf(name: string): Codec {
  const exported = protocol as unknown as Record<string, unknown>;
  const decode = exported[`decode${name}`] as Codec['decode'];
  const encode = exported[`encode${name}`] as Codec['encode'];
  const api = protocol.apiSpecs.find(
    (spec) => name.replace(/Request$|Response$/, '') === spec.name,
  );
  if (api === undefined) return { decode, encode };
  if (name.endsWith('Request')) return withRequestHeader(decode, encode);
  return withResponseHeader(api.key, decode, encode);
}

function withRequestHeader(decode: Codec['decode'], encode: Codec['encode']): Codec {
  return {
    decode: (reader, version) => ({
      header: protocol.decodeRequestHeader(reader),
      body: decode(reader, version),
    }),
    encode: (writer, value: { header: protocol.RequestHeader; body: never }, version) => {
      protocol.encodeRequestHeader(writer, value.header);
      encode(writer, value.body, version);
    },
  };
}

function withResponseHeader(key: number, decode: Codec['decode'], encode: Codec['encode']): Codec {
  return {
    decode: (reader, version) => ({
      correlationId: protocol.decodeResponseHeader(reader, key, version),
      body: decode(reader, version),
    }),
    encode: (writer, value: { correlationId: number; body: never }, version) => {
      protocol.encodeResponseHeader(writer, key, version, value.correlationId);
      encode(writer, value.body, version);
    },
  };
}

/** Tables number the keys of the group log by type; in the jar each is version 0 of its own class. */
function ourVersion({ name, version }: Frame): number {
  return name === 'GroupMetadataKey' ? 2 : version;
}

/** @throws DecodeError also when bytes are left over. */
export function decodeFrame(frame: Frame, options: ReaderOptions = {}): unknown {
  const reader = new Reader(frame.bytes, 0, frame.bytes.length, options);
  const value = codecOf(frame.name).decode(reader, ourVersion(frame));
  reader.finish();
  return value;
}

/** The frame that carries `value`, in the version of `frame`. */
export function encodeFrame(frame: Frame, value: unknown): Uint8Array {
  const writer = new Writer(1);
  codecOf(frame.name).encode(writer, value as never, ourVersion(frame));
  return writer.finishBytes();
}

/** All frames that the Java clients wrote. */
export function goldenFrames(): Frame[] {
  return [...framesOf('frames-4.4.0.bin'), ...framesOf('frames-3.9.1.bin')];
}

export function keyOfFrame({ name, version, variant }: Frame): string {
  return `${name} ${version} ${variant}`;
}
