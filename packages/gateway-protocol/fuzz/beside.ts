import type { MessageReading } from '../src/message-reading.ts';

export type ReadMessage = (message: Uint8Array) => MessageReading;

const MARGIN = 64;

/** Reads the message between other bytes. @throws Error, with the message, when reading throws. */
export function readBeside(read: ReadMessage, message: Uint8Array, beside = 0xa5): MessageReading {
  const memory = new Uint8Array(MARGIN + message.length + MARGIN).fill(beside);
  memory.set(message, MARGIN);
  try {
    return read(memory.subarray(MARGIN, MARGIN + message.length));
  } catch (error) {
    throw failed('threw', message, error);
  }
}

/**
 * The same bytes between others must read the same, and what is handed out lies within them.
 * @throws Error, with the message, when that is not so.
 */
export function sameBeside(read: ReadMessage, message: Uint8Array, reading: MessageReading): void {
  const again = readBeside(read, message, 0x00);
  if (digest(reading, message) !== digest(again, message))
    throw failed('depends on bytes beside it', message);
}

/** All that was read, as text. Views that leave the message throw. */
function digest(reading: MessageReading, message: Uint8Array): string {
  return JSON.stringify(reading, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}`;
    if (!(value instanceof Uint8Array)) return value;
    const isView = value.buffer.byteLength === MARGIN + message.length + MARGIN;
    const isInside =
      value.byteOffset >= MARGIN && value.byteOffset + value.length <= MARGIN + message.length;
    if (isView && !isInside) throw failed('hands out bytes beside it', message);
    return Buffer.from(value).toString('hex');
  });
}

function failed(problem: string, message: Uint8Array, cause?: unknown): Error {
  return new Error(`reading ${problem}: ${Buffer.from(message).toString('hex')}`, { cause });
}
