/** The user asked for something that cannot be: one sentence, exit code 1, no stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
