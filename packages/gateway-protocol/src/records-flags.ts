import { enumNames, RecordsFlag } from './enums.ts';

const names = enumNames(RecordsFlag);
const bits: readonly number[] = Object.values(RecordsFlag);

/** Flags of a Records frame by their names in JSON. */
export function recordsFlagNames(flags: number): string[] {
  return names.filter((_, i) => (flags & (bits[i] as number)) !== 0);
}

/** The bits of these names; a name that is not known has none. */
export function recordsFlagBits(flagNames: readonly unknown[]): number {
  return bits.reduce((flags, bit, i) => (flagNames.includes(names[i]) ? flags | bit : flags), 0);
}
