import { murmur2 } from '@millrace/bytes';
import type { StreamClass } from './stream-class.ts';

interface Slot {
  readonly key: Uint8Array;
  readonly classes: StreamClass[];
}

const NONE: readonly StreamClass[] = [];

/** From a key to the classes whose filter asks for it, so that a record costs the same however many there are. */
export class KeyIndex {
  readonly #slots = new Map<number, Slot[]>();

  add(key: Uint8Array, cls: StreamClass): void {
    const hash = murmur2(key);
    const slots = this.#slots.get(hash);
    const slot = slots?.find((each) => sameBytes(each.key, key));
    if (slot !== undefined) slot.classes.push(cls);
    else if (slots !== undefined) slots.push({ key, classes: [cls] });
    else this.#slots.set(hash, [{ key, classes: [cls] }]);
  }

  remove(key: Uint8Array, cls: StreamClass): void {
    const hash = murmur2(key);
    const slots = this.#slots.get(hash);
    const slot = slots?.find((each) => sameBytes(each.key, key));
    if (slots === undefined || slot === undefined) return;
    slot.classes.splice(slot.classes.indexOf(cls), 1);
    if (slot.classes.length > 0) return;
    slots.splice(slots.indexOf(slot), 1);
    if (slots.length === 0) this.#slots.delete(hash);
  }

  /** Classes that ask for this key. */
  get(key: Uint8Array): readonly StreamClass[] {
    const slots = this.#slots.get(murmur2(key));
    if (slots === undefined) return NONE;
    for (const slot of slots) if (sameBytes(slot.key, key)) return slot.classes;
    return NONE;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
