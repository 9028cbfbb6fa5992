const MAX_LENGTH = 249;

export const CONSUMER_OFFSETS_TOPIC = '__consumer_offsets';
/** Topics of the brokers themselves (T30). */
const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  CONSUMER_OFFSETS_TOPIC,
  '__transaction_state',
  '__share_group_state',
]);

export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name);
}

/** Why a name cannot be a topic's, in Kafka's words; null when it can (T29). */
export function topicNameProblem(name: string): string | null {
  const reason = problemOf(name);
  return reason === null ? null : `Topic name is invalid: ${reason}`;
}

function problemOf(name: string): string | null {
  if (name === '') return 'the empty string is not allowed';
  if (name === '.' || name === '..') return `'${name}' is not allowed`;
  if (name.length > MAX_LENGTH) {
    return `the length of '${name}' is longer than the max allowed length ${MAX_LENGTH}`;
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  }
  return null;
}
