export { crc32c } from './crc32c.ts';
export { DecodeError, EncodeError } from './decode-error.ts';
export { type FileSlice, isFileSlice, type Piece } from './file-slice.ts';
export { javaStringHash, murmur2 } from './hash.ts';
export { Reader, type ReaderOptions } from './reader.ts';
export { utf8Length } from './text.ts';
export {
  isUuid,
  ONE_UUID,
  randomUuid,
  type Uuid,
  uuidFromBytes,
  uuidToBytes,
  ZERO_UUID,
} from './uuid.ts';
export {
  unsignedVarintSize,
  VARINT_BYTES_MAX,
  VARLONG_BYTES_MAX,
  varintSize,
  varlongSize,
} from './varint.ts';
export { Writer } from './writer.ts';
