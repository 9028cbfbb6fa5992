import {
  decodeFindCoordinatorRequest,
  ErrorCode,
  encodeFindCoordinatorResponse,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
} from '@millrace/protocol';
import type { ApiHandler, ConnectionIdentity } from './api-handler.ts';

/** First version that asks for several keys. */
const KEYS_FROM = 4;

const KeyType = { group: 0, transaction: 1 } as const;

export interface FindCoordinatorRooms {
  readonly brokerId: number;
  /** Where the client of this connection reaches this broker. */
  readonly endpointFor: (connection: ConnectionIdentity) => {
    readonly host: string;
    readonly port: number;
  };
  /** Creates `__consumer_offsets` when it is not there; rejects when that fails. */
  readonly ensureGroupTopic: () => Promise<unknown>;
}

interface Answer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

const found: Answer = { errorCode: ErrorCode.NONE, errorMessage: null };

/**
 * FindCoordinator: one broker coordinates everything it serves. The first question for a group creates
 * `__consumer_offsets` and is answered when it stands (T74).
 *
 * Transactions are not served yet. A transactional id gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED (53),
 * the one code at which every client gives up at once: librdkafka takes only it and 31 as final here and
 * asks again after any other, Java takes any code that is not retriable. Share groups' own coordinator
 * keys are INVALID_REQUEST (42), as on a Kafka broker without it.
 */
export function findCoordinatorHandler(
  rooms: FindCoordinatorRooms,
): ApiHandler<FindCoordinatorRequest, FindCoordinatorResponse> {
  return {
    key: 10,
    name: 'FindCoordinator',
    minVersion: 0,
    maxVersion: 6,
    decode: decodeFindCoordinatorRequest,
    encode: encodeFindCoordinatorResponse,
    async handle(request, { apiVersion, connection }) {
      const answer = await answerFor(rooms, request.keyType ?? KeyType.group);
      const isFound = answer.errorCode === ErrorCode.NONE;
      const place = isFound
        ? { nodeId: rooms.brokerId, ...rooms.endpointFor(connection) }
        : { nodeId: -1, host: '', port: -1 };
      if (apiVersion < KEYS_FROM) {
        return { throttleTimeMs: 0, ...answer, ...place, coordinators: [] };
      }
      const coordinators = request.coordinatorKeys.map((key) => ({ key, ...answer, ...place }));
      // The answer for one key has no place in these versions.
      return { throttleTimeMs: 0, ...found, nodeId: 0, host: '', port: 0, coordinators };
    },
  };
}

async function answerFor(rooms: FindCoordinatorRooms, keyType: number): Promise<Answer> {
  if (keyType === KeyType.transaction) {
    return {
      errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      errorMessage: 'This broker does not serve transactions.',
    };
  }
  if (keyType !== KeyType.group) {
    return {
      errorCode: ErrorCode.INVALID_REQUEST,
      errorMessage: `This broker has no coordinator of type ${keyType}.`,
    };
  }
  try {
    await rooms.ensureGroupTopic();
    return found;
  } catch {
    return {
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
      errorMessage: 'The topic __consumer_offsets is not available.',
    };
  }
}
