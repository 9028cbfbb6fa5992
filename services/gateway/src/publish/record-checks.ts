import type { HeaderField } from '@millrace/gateway-protocol';

/** A record as a client wants it published; byte fields are its own. */
export interface NewRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly timestampMs: number;
}

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

const STRIPPED = /^(?:__|x-gw-)|^(?:authorization|cookie)$/i;
const utf8 = new TextEncoder();

/** What a record costs of the publish credit: key, value and headers. Bytes. */
export function costOf(
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly HeaderField[],
): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers)
    bytes += Buffer.byteLength(header.name ?? '') + (header.value?.length ?? 0);
  return bytes;
}

/** Bytes of the frame that outlive it. A `slice` would not do: that of a Buffer is a view. */
export function copyOf(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : new Uint8Array(bytes);
}

/** Headers that go into the log: without those of the gateway and of HTTP (§19.12), copied. */
export function ownHeaders(headers: readonly HeaderField[]): RecordHeader[] {
  return headers
    .filter(({ name }) => !STRIPPED.test(name ?? ''))
    .map(({ name, value }) => ({ key: name ?? '', value: copyOf(value) }));
}

/** A header of the gateway's own. */
export function textHeader(key: string, text: string): RecordHeader {
  return { key, value: utf8.encode(text) };
}
