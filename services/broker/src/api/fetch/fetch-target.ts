/** What a client wants of one partition, and what a session remembers of its last answer. */
export interface FetchTarget {
  /** Topic name; "" when the request names topics by id. */
  readonly topic: string;
  /** Base64url topic id; the zero id when the request names topics by name. */
  readonly topicId: string;
  readonly index: number;
  fetchOffset: number;
  maxBytes: number;
  /** -1 = no check. */
  currentLeaderEpoch: number;
  /** -1 = no check. */
  lastFetchedEpoch: number;
  /** What the last answer of the session said; -2 before the first. */
  sentHighWatermark: number;
  sentLogStartOffset: number;
}
