/** True for the topics that a list of names, `prefix*` and `*` means. */
export function topicMatcher(patterns: readonly string[]): (topic: string) => boolean {
  return (topic) =>
    patterns.some((pattern) =>
      pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern,
    );
}
