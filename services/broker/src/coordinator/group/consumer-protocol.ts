import { DecodeError, Reader } from '@millrace/bytes';

/**
 * Topic names in a consumer's subscription (the bytes inside JoinGroup): int16 version, then an array of
 * names, then fields that later versions append and that are not needed here.
 * @returns null when the bytes are not a subscription.
 */
export function parseSubscribedTopics(subscription: Uint8Array): readonly string[] | null {
  try {
    const reader = new Reader(subscription);
    const version = reader.int16();
    if (version < 0) return null;
    const topics: string[] = [];
    for (let left = reader.arrayLength(2, 'topics'); left > 0; left--) {
      topics.push(reader.string('topic'));
    }
    return topics;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
