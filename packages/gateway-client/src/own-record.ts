import type { Payload, PublishRecord } from './options.ts';

/** The record in memory of its own: it may wait here while the application goes on with its buffers. */
export function ownRecord({ key = null, value, headers = [] }: PublishRecord): PublishRecord {
  return {
    key: own(key),
    value: own(value),
    headers: headers.map((header) => ({ name: header.name, value: own(header.value) })),
  };
}

function own(payload: Payload | null): Payload | null {
  return payload instanceof Uint8Array ? payload.slice() : payload;
}
