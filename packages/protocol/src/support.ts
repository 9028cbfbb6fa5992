import { DecodeError, EncodeError } from '@millrace/bytes';

/** What an absent bytes field decodes to. */
export const EMPTY_BYTES = new Uint8Array(0);

/** A value that would be lost, because the version has no such field. */
export function notInVersion(field: string, version: number): EncodeError {
  return new EncodeError(`${field} has a value, and version ${version} has no such field`);
}

export function nullInVersion(field: string, version: number): EncodeError {
  return new EncodeError(`${field} is null, and version ${version} does not allow that`);
}

/** @throws EncodeError when `value` is null. */
export function notNull<T>(value: T | null, field: string): T {
  if (value === null)
    throw new EncodeError(`${field} is null, and this version does not allow that`);
  return value;
}

/** A known tagged field whose content is shorter or longer than its size says. */
export function wrongTagSize(struct: string, tag: number, position: number): DecodeError {
  return new DecodeError(`tag ${tag} of ${struct}`, position, 'the content does not fit its size');
}
