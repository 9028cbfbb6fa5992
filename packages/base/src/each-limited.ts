/**
 * Runs `work` on every item, at most `limit` at a time, in order of starting. Rejects with the first error
 * once everything already started has ended; nothing new is started after it.
 */
export async function eachLimited<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const errors: unknown[] = [];
  const runner = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      if (errors.length > 0) return;
      try {
        await work(next.value);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, runner));
  if (errors.length > 0) throw errors[0];
}
