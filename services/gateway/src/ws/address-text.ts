/** Text of an IP address given as 4 or 16 network bytes; IPv4 inside IPv6 reads as IPv4, other IPv6 in eight groups. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return 'unix';
  const isMapped =
    bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (isMapped) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2)
    groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(':');
}

/** IPv4 inside IPv6: its dotted form, or its last two groups. */
const MAPPED = /^(?:::|(?:0{1,4}:){5})ffff:(?:(\d+\.[\d.]+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i;

/** IPv4 inside IPv6 as plain IPv4, in whatever form it was written; any other text as it stands. */
export function withoutMapping(address: string): string {
  const [, dotted, high, low] = MAPPED.exec(address) ?? [];
  if (high === undefined || low === undefined) return dotted ?? address;
  const [first, last] = [high, low].map((group) => Number.parseInt(group, 16)) as [number, number];
  return [first >> 8, first & 0xff, last >> 8, last & 0xff].join('.');
}

/** What counts as one peer: an IPv4 address itself, the /64 of an IPv6 address in any of its forms. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  // What `::` leaves out is zeros; only the first four groups count.
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
