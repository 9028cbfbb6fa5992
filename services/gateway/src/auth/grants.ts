/** Which of a topic's records a principal may read. */
export interface ReadGrant {
  /** null: every partition. */
  readonly partitions: ReadonlySet<number> | null;
  /** Keys must match this; null: any. */
  readonly key: Pattern | null;
  /** A header must match this; null: any. */
  readonly header: { readonly name: string; readonly value: Pattern } | null;
  /** Records a second; 0: no limit. */
  readonly rate: number;
  /** May see watermarks, log starts and partition counts. */
  readonly watermark: boolean;
}

/** What a principal may append to a topic. */
export interface WriteGrant {
  /** Keys must match this; null: any. */
  readonly key: Pattern | null;
  /** Records a second; 0: no limit. */
  readonly rate: number;
  /** May ask for acks LEADER. */
  readonly leaderAck: boolean;
}

/** A name, or what names begin with. Placeholders are filled in. */
export type Pattern =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string };

/** What a principal may do. Default is deny. */
export interface Grants {
  /** What of `topic` may be read; null: nothing, and whether it exists is nobody's business. */
  mayRead(topic: string): ReadGrant | null;
  mayWrite(topic: string): WriteGrant | null;
  /** May write and read back the positions of this name (§15.3). */
  mayCommit(name: string): boolean;
  /** Lowered limits of this principal; absent ones are the gateway's. */
  readonly limits: { readonly connections?: number; readonly subscriptions?: number };
}
