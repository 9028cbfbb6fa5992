/** What the group coordinator needs of the broker's configuration (kafka-surface D.2). */
export interface GroupSettings {
  /** `group.initial.rebalance.delay.ms` */
  readonly initialRebalanceDelayMs: number;
  /** `group.min.session.timeout.ms` */
  readonly sessionTimeoutMsMin: number;
  /** `group.max.session.timeout.ms` */
  readonly sessionTimeoutMsMax: number;
  /** `group.max.size` */
  readonly memberCountMax: number;
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataLengthMax: number;
  /** `offsets.retention.minutes` */
  readonly offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsRetentionCheckIntervalMs: number;
}
