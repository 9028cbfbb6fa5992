import { ErrorCode } from './errors.ts';
import { API_KEYS } from './generated/apis.ts';

interface Row {
  readonly apiKey: number;
  readonly code: number;
  /** First version whose clients know the code. */
  readonly since: number;
  /** What clients of lower versions are told. */
  readonly before: number;
}

function row(
  api: keyof typeof API_KEYS,
  code: keyof typeof ErrorCode,
  since: number,
  before: keyof typeof ErrorCode,
): Row {
  return { apiKey: API_KEYS[api], code: ErrorCode[code], since, before: ErrorCode[before] };
}

/** Codes that came to an API later than the API itself. */
const rows: readonly Row[] = [
  row('Produce', 'KAFKA_STORAGE_ERROR', 4, 'NOT_LEADER_OR_FOLLOWER'),
  row('Fetch', 'KAFKA_STORAGE_ERROR', 6, 'NOT_LEADER_OR_FOLLOWER'),
  row('ListOffsets', 'OFFSET_NOT_AVAILABLE', 5, 'LEADER_NOT_AVAILABLE'),
  row('DeleteTopics', 'TOPIC_DELETION_DISABLED', 3, 'INVALID_REQUEST'),
  row('InitProducerId', 'PRODUCER_FENCED', 4, 'INVALID_PRODUCER_EPOCH'),
  row('AddPartitionsToTxn', 'PRODUCER_FENCED', 2, 'INVALID_PRODUCER_EPOCH'),
  row('AddOffsetsToTxn', 'PRODUCER_FENCED', 2, 'INVALID_PRODUCER_EPOCH'),
  row('EndTxn', 'PRODUCER_FENCED', 2, 'INVALID_PRODUCER_EPOCH'),
];

/** The code to send in this version of the API: an older one where clients do not know `code` yet. */
export function errorForVersion(apiKey: number, version: number, code: number): number {
  if (code === ErrorCode.NONE) return code;
  for (const row of rows) {
    if (row.code === code && row.apiKey === apiKey && version < row.since) return row.before;
  }
  return code;
}
