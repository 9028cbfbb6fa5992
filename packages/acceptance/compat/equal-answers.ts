// Two brokers' answers to one row of questions.
import assert from 'node:assert/strict';

/** @throws AssertionError that names only the answers that differ. */
export function assertEqualAnswers(ours: readonly string[], theirs: readonly string[]): void {
  const differing = Array.from({ length: Math.max(ours.length, theirs.length) }, (_, i) => i)
    .filter((i) => ours[i] !== theirs[i])
    .map((i) => `#${i} ours: ${ours[i] ?? 'none'} theirs: ${theirs[i] ?? 'none'}`);
  assert.equal(differing.length, 0, differing.slice(0, 3).join('\n'));
}
