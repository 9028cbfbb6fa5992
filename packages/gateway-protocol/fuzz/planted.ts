/** Goes wrong of one input in 2^32 only, and a step nearer with each byte that is right. */
export function planted(bytes: Uint8Array): void {
  if (bytes[0] === 0x6d) {
    if (bytes[1] === 0x69) {
      if (bytes[2] === 0x6c) {
        if (bytes[3] === 0x6c) throw new Error('found');
      }
    }
  }
}
