import { binaryFormat, type WireFormat } from './wire-format.ts';

/** JSON comes in a file of its own, as few pages want it. */
export async function loadFormat(protocol: 'binary' | 'json'): Promise<WireFormat> {
  return protocol === 'binary' ? binaryFormat : (await import('./json-format.ts')).jsonFormat;
}
