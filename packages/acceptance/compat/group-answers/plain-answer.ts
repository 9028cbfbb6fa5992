const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Rows that have no order of their own, by what tells them apart. */
const ROW_KEYS = ['partitionIndex', 'memberId', 'groupId', 'name'] as const;

/**
 * An answer as text that does not depend on the broker's choice of ids, addresses and order of rows.
 * Ids get the same name wherever they appear.
 */
export function plainAnswer(answer: unknown, names: Map<string, string>): string {
  const naming = (text: string) => {
    const known = names.get(text);
    if (known !== undefined) return known;
    return text.replaceAll(UUID, (uuid) => {
      const name = names.get(uuid) ?? `ID${names.size}`;
      names.set(uuid, name);
      return name;
    });
  };
  const plain = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return key === 'errorMessage' ? undefined : naming(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    if (Array.isArray(value)) return value.map((each) => plain(each, key)).toSorted(byKey);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value)
      .filter(([name]) => name !== 'throttleTimeMs' && name !== 'clientHost')
      .filter(([name]) => name !== 'errorMessage')
      .map(([name, each]) => [name, plain(each, name)]);
    return Object.fromEntries(entries);
  };
  return JSON.stringify(plain(answer, ''));
}

function byKey(left: unknown, right: unknown): number {
  const key = ROW_KEYS.find((name) => fieldOf(left, name) !== undefined);
  if (key === undefined) return 0;
  return String(fieldOf(left, key)).localeCompare(String(fieldOf(right, key)), 'en');
}

function fieldOf(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null
    ? (row as Record<string, unknown>)[name]
    : undefined;
}
