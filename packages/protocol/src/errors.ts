/**
 * What a client should do with an error: give up, try again, or refresh its metadata (or look for
 * the coordinator) and try again.
 * As in the Java client, whose behaviour others copy.
 */
export type Retry = 'no' | 'yes' | 'metadata';

export interface WireError {
  readonly code: number;
  /** Kafka's name. */
  readonly name: string;
  readonly retry: Retry;
  /** One sentence, fit to be sent as an error message. */
  readonly message: string;
}

/** One row per error code of the protocol. */
const rows = [
  [-1, 'UNKNOWN_SERVER_ERROR', 'no', 'The broker failed in a way it did not expect.'],
  [0, 'NONE', 'no', 'No error.'],
  [1, 'OFFSET_OUT_OF_RANGE', 'no', 'The offset is below the log start or above the end.'],
  [2, 'CORRUPT_MESSAGE', 'yes', 'A batch is damaged: its checksum, size or form is wrong.'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', 'metadata', 'The broker has no such topic or partition.'],
  [4, 'INVALID_FETCH_SIZE', 'no', 'The fetch size is negative.'],
  [5, 'LEADER_NOT_AVAILABLE', 'metadata', 'The partition has no leader now.'],
  [
    6,
    'NOT_LEADER_OR_FOLLOWER',
    'metadata',
    'This broker does not lead the partition, or holds no replica of it.',
  ],
  [7, 'REQUEST_TIMED_OUT', 'yes', 'The work was not done within the time asked for.'],
  [8, 'BROKER_NOT_AVAILABLE', 'no', 'The broker is not there.'],
  [9, 'REPLICA_NOT_AVAILABLE', 'metadata', 'The replica cannot serve the request now.'],
  [10, 'MESSAGE_TOO_LARGE', 'no', 'A batch is larger than the topic allows.'],
  [11, 'STALE_CONTROLLER_EPOCH', 'no', 'The controller that sent this has been replaced.'],
  [12, 'OFFSET_METADATA_TOO_LARGE', 'no', 'The text beside an offset is too long.'],
  [13, 'NETWORK_EXCEPTION', 'metadata', 'The connection broke before the answer came.'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', 'yes', 'The coordinator is still reading its log.'],
  [15, 'COORDINATOR_NOT_AVAILABLE', 'metadata', 'The coordinator cannot be reached yet.'],
  [16, 'NOT_COORDINATOR', 'metadata', 'This broker does not coordinate the group or transaction.'],
  [
    17,
    'INVALID_TOPIC_EXCEPTION',
    'no',
    'The topic name is not allowed, or the topic is for the broker only.',
  ],
  [18, 'RECORD_LIST_TOO_LARGE', 'no', 'The batch is larger than a segment.'],
  [19, 'NOT_ENOUGH_REPLICAS', 'yes', 'Too few replicas are in sync to accept the write.'],
  [
    20,
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'yes',
    'The write is in the log, but too few replicas were in sync to confirm it.',
  ],
  [21, 'INVALID_REQUIRED_ACKS', 'no', 'acks is not 0, 1 or -1.'],
  [22, 'ILLEGAL_GENERATION', 'no', 'The member speaks of another generation of the group.'],
  [
    23,
    'INCONSISTENT_GROUP_PROTOCOL',
    'no',
    'The member shares no assignor with the group, or is of another kind.',
  ],
  [24, 'INVALID_GROUP_ID', 'no', 'The group id is empty or not allowed.'],
  [25, 'UNKNOWN_MEMBER_ID', 'no', 'The group has no such member.'],
  [26, 'INVALID_SESSION_TIMEOUT', 'no', 'The session timeout is outside the bounds of the broker.'],
  [27, 'REBALANCE_IN_PROGRESS', 'no', 'The group is rebalancing: join again.'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', 'no', 'The offsets to commit are too large for one batch.'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', 'no', 'The client may not do this with the topic.'],
  [30, 'GROUP_AUTHORIZATION_FAILED', 'no', 'The client may not do this with the group.'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', 'no', 'The client may not do this with the cluster.'],
  [32, 'INVALID_TIMESTAMP', 'no', 'A timestamp is out of the range that the topic allows.'],
  [33, 'UNSUPPORTED_SASL_MECHANISM', 'no', 'The broker does not have this SASL mechanism.'],
  [34, 'ILLEGAL_SASL_STATE', 'no', 'The request does not fit the state of the SASL exchange.'],
  [35, 'UNSUPPORTED_VERSION', 'no', 'The broker does not speak this version of the API.'],
  [36, 'TOPIC_ALREADY_EXISTS', 'no', 'The topic exists already.'],
  [37, 'INVALID_PARTITIONS', 'no', 'The number of partitions is not allowed.'],
  [
    38,
    'INVALID_REPLICATION_FACTOR',
    'no',
    'The replication factor is not allowed, or larger than the cluster.',
  ],
  [39, 'INVALID_REPLICA_ASSIGNMENT', 'no', 'The replica assignment is not consistent.'],
  [40, 'INVALID_CONFIG', 'no', 'A config is unknown or its value is not allowed.'],
  [41, 'NOT_CONTROLLER', 'yes', 'This broker is not the controller.'],
  [42, 'INVALID_REQUEST', 'no', 'The request contradicts itself or the protocol.'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'no', 'The message format of the topic cannot do this.'],
  [44, 'POLICY_VIOLATION', 'no', 'A policy of the broker forbids this.'],
  [
    45,
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'no',
    'A sequence number is missing between this batch and the last.',
  ],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', 'no', 'The batch is in the log already.'],
  [47, 'INVALID_PRODUCER_EPOCH', 'no', 'A newer epoch of the producer has taken over.'],
  [48, 'INVALID_TXN_STATE', 'no', 'The transaction is in a state that does not allow this.'],
  [
    49,
    'INVALID_PRODUCER_ID_MAPPING',
    'no',
    'The producer id does not belong to the transactional id.',
  ],
  [
    50,
    'INVALID_TRANSACTION_TIMEOUT',
    'no',
    'The transaction timeout is longer than the broker allows.',
  ],
  [51, 'CONCURRENT_TRANSACTIONS', 'yes', 'An earlier step of the transaction is still going on.'],
  [
    52,
    'TRANSACTION_COORDINATOR_FENCED',
    'no',
    'The transaction coordinator that sent this has been replaced.',
  ],
  [
    53,
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    'no',
    'The client may not use the transactional id.',
  ],
  [54, 'SECURITY_DISABLED', 'no', 'Security is not switched on.'],
  [55, 'OPERATION_NOT_ATTEMPTED', 'no', 'Not tried, because another part of the request failed.'],
  [56, 'KAFKA_STORAGE_ERROR', 'metadata', 'A log directory of the broker has failed.'],
  [57, 'LOG_DIR_NOT_FOUND', 'no', 'The broker has no such log directory.'],
  [58, 'SASL_AUTHENTICATION_FAILED', 'no', 'Authentication failed.'],
  [59, 'UNKNOWN_PRODUCER_ID', 'no', 'The broker remembers nothing of the producer.'],
  [60, 'REASSIGNMENT_IN_PROGRESS', 'no', 'The partition is being reassigned.'],
  [61, 'DELEGATION_TOKEN_AUTH_DISABLED', 'no', 'Delegation tokens are switched off.'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND', 'no', 'The delegation token is unknown.'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH', 'no', 'The client does not own the delegation token.'],
  [
    64,
    'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED',
    'no',
    'Delegation tokens are not handed out over this connection.',
  ],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', 'no', 'The client may not use delegation tokens.'],
  [66, 'DELEGATION_TOKEN_EXPIRED', 'no', 'The delegation token has expired.'],
  [67, 'INVALID_PRINCIPAL_TYPE', 'no', 'The principal type is not supported.'],
  [68, 'NON_EMPTY_GROUP', 'no', 'The group still has members.'],
  [69, 'GROUP_ID_NOT_FOUND', 'no', 'There is no such group.'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', 'yes', 'There is no such fetch session.'],
  [
    71,
    'INVALID_FETCH_SESSION_EPOCH',
    'yes',
    'The request is not the next one of its fetch session.',
  ],
  [72, 'LISTENER_NOT_FOUND', 'metadata', 'The leader has no listener of the name the client used.'],
  [73, 'TOPIC_DELETION_DISABLED', 'no', 'Deleting topics is switched off.'],
  [
    74,
    'FENCED_LEADER_EPOCH',
    'metadata',
    "The leader epoch of the request is older than the broker's.",
  ],
  [
    75,
    'UNKNOWN_LEADER_EPOCH',
    'yes',
    "The leader epoch of the request is newer than the broker's.",
  ],
  [
    76,
    'UNSUPPORTED_COMPRESSION_TYPE',
    'no',
    'The client cannot read the compression of the batch.',
  ],
  [77, 'STALE_BROKER_EPOCH', 'no', 'The broker has been registered anew since.'],
  [78, 'OFFSET_NOT_AVAILABLE', 'yes', 'The leader does not know its high watermark yet.'],
  [79, 'MEMBER_ID_REQUIRED', 'no', 'The member must join again with the id it was given.'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', 'metadata', 'The preferred leader cannot be reached.'],
  [81, 'GROUP_MAX_SIZE_REACHED', 'no', 'The group is full.'],
  [82, 'FENCED_INSTANCE_ID', 'no', 'Another member has taken over this static member id.'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', 'metadata', 'No replica can become leader.'],
  [84, 'ELECTION_NOT_NEEDED', 'metadata', 'The leader is the wanted one already.'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', 'no', 'The partition is not being reassigned.'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', 'no', 'A member of the group is subscribed to the topic.'],
  [87, 'INVALID_RECORD', 'no', 'A record breaks a rule of the topic.'],
  [88, 'UNSTABLE_OFFSET_COMMIT', 'yes', 'A transaction may still change the offsets.'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', 'yes', 'The quota for changes is used up for now.'],
  [90, 'PRODUCER_FENCED', 'no', 'A newer producer with the same transactional id has taken over.'],
  [91, 'RESOURCE_NOT_FOUND', 'no', 'There is no such resource.'],
  [92, 'DUPLICATE_RESOURCE', 'no', 'The resource is named twice.'],
  [93, 'UNACCEPTABLE_CREDENTIAL', 'no', 'The credential is not acceptable.'],
  [94, 'INCONSISTENT_VOTER_SET', 'no', 'The voters of the request do not fit the quorum.'],
  [95, 'INVALID_UPDATE_VERSION', 'no', 'The update is not based on the version in force.'],
  [96, 'FEATURE_UPDATE_FAILED', 'no', 'The features could not be changed.'],
  [
    97,
    'PRINCIPAL_DESERIALIZATION_FAILURE',
    'no',
    'The principal of a forwarded request cannot be read.',
  ],
  [98, 'SNAPSHOT_NOT_FOUND', 'no', 'There is no such snapshot.'],
  [99, 'POSITION_OUT_OF_RANGE', 'no', 'The position is beyond the snapshot.'],
  [100, 'UNKNOWN_TOPIC_ID', 'metadata', 'The broker has no topic of this id.'],
  [101, 'DUPLICATE_BROKER_REGISTRATION', 'no', 'A broker of this id is registered already.'],
  [102, 'BROKER_ID_NOT_REGISTERED', 'no', 'No broker of this id is registered.'],
  [103, 'INCONSISTENT_TOPIC_ID', 'metadata', "The topic id does not fit the topic's name."],
  [104, 'INCONSISTENT_CLUSTER_ID', 'no', 'The request was meant for another cluster.'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND', 'no', 'There is no such transactional id.'],
  [
    106,
    'FETCH_SESSION_TOPIC_ID_ERROR',
    'yes',
    'The fetch session was opened with topic names and goes on with ids, or the reverse.',
  ],
  [107, 'INELIGIBLE_REPLICA', 'no', 'The replica may not join the in-sync replicas.'],
  [108, 'NEW_LEADER_ELECTED', 'no', 'Another leader has been elected meanwhile.'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE', 'no', 'The offset lies in remote storage.'],
  [110, 'FENCED_MEMBER_EPOCH', 'no', 'The member epoch is not the one in force.'],
  [111, 'UNRELEASED_INSTANCE_ID', 'no', 'The static member id is still held by another member.'],
  [112, 'UNSUPPORTED_ASSIGNOR', 'no', 'The broker does not have this assignor.'],
  [113, 'STALE_MEMBER_EPOCH', 'no', 'The member epoch is out of date: send a heartbeat first.'],
  [114, 'MISMATCHED_ENDPOINT_TYPE', 'no', 'The request came in on the wrong kind of listener.'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE', 'no', 'The kind of endpoint is not supported here.'],
  [116, 'UNKNOWN_CONTROLLER_ID', 'no', 'There is no such controller.'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', 'no', 'There is no such telemetry subscription.'],
  [118, 'TELEMETRY_TOO_LARGE', 'no', 'The telemetry push is too large.'],
  [119, 'INVALID_REGISTRATION', 'no', 'The broker registration is not consistent.'],
  [120, 'TRANSACTION_ABORTABLE', 'no', 'The transaction failed in part and must be aborted.'],
  [121, 'INVALID_RECORD_STATE', 'no', 'The record is not in a state that allows this.'],
  [122, 'SHARE_SESSION_NOT_FOUND', 'yes', 'There is no such share session.'],
  [
    123,
    'INVALID_SHARE_SESSION_EPOCH',
    'yes',
    'The request is not the next one of its share session.',
  ],
  [124, 'FENCED_STATE_EPOCH', 'no', 'The state epoch is older than the one in force.'],
  [125, 'INVALID_VOTER_KEY', 'no', 'The voter key does not fit the receiver.'],
  [126, 'DUPLICATE_VOTER', 'no', 'The voter is in the quorum already.'],
  [127, 'VOTER_NOT_FOUND', 'no', 'The voter is not in the quorum.'],
  [128, 'INVALID_REGULAR_EXPRESSION', 'no', 'The regular expression cannot be parsed.'],
  [129, 'REBOOTSTRAP_REQUIRED', 'no', 'The client must start over from its bootstrap addresses.'],
  [130, 'STREAMS_INVALID_TOPOLOGY', 'no', 'The streams topology is not valid.'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', 'no', 'The streams topology epoch is not valid.'],
  [132, 'STREAMS_TOPOLOGY_FENCED', 'no', "The streams topology is older than the group's."],
  [133, 'SHARE_SESSION_LIMIT_REACHED', 'yes', 'No more share sessions can be opened.'],
  [134, 'GROUP_DELETION_FAILED', 'no', 'The group could not be deleted.'],
  [
    135,
    'STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED',
    'no',
    'The topology description could not be stored.',
  ],
  [136, 'CONTROLLER_ID_NOT_REGISTERED', 'no', 'No controller of this id is registered.'],
] as const satisfies readonly (readonly [number, string, Retry, string])[];

type Row = (typeof rows)[number];
type Codes = { readonly [R in Row as R[1]]: R[0] };

/** Name to code. */
export const ErrorCode = Object.fromEntries(rows.map(([code, name]) => [name, code])) as Codes;

const errorOfCode = new Map<number, WireError>(
  rows.map(([code, name, retry, message]) => [code, { code, name, retry, message }]),
);
const unknown = errorOfCode.get(ErrorCode.UNKNOWN_SERVER_ERROR) as WireError;

/** Everything known of a code; a code from the future counts as UNKNOWN_SERVER_ERROR. */
export function wireError(code: number): WireError {
  return errorOfCode.get(code) ?? unknown;
}

/** All errors, by code. */
export function wireErrors(): WireError[] {
  return [...errorOfCode.values()];
}

/** Kafka's name of a code, for logs; the number itself when it is not known. */
export function errorName(code: number): string {
  return errorOfCode.get(code)?.name ?? `ERROR_${code}`;
}

/** True when the same request may succeed later. */
export function isRetriable(code: number): boolean {
  return wireError(code).retry !== 'no';
}
