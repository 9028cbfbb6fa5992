import {
  decodeInitProducerIdRequest,
  ErrorCode,
  encodeInitProducerIdResponse,
  type InitProducerIdRequest,
  type InitProducerIdResponse,
} from '@millrace/protocol';
import type { ApiHandler } from './api-handler.ts';

export interface InitProducerIdRooms {
  /** Rejects when no block of ids can be made durable. */
  readonly nextProducerId: () => Promise<number>;
}

/** InitProducerId: a new producer id with epoch 0 for an idempotent producer. */
export function initProducerIdHandler(
  rooms: InitProducerIdRooms,
): ApiHandler<InitProducerIdRequest, InitProducerIdResponse> {
  return {
    key: 22,
    name: 'InitProducerId',
    minVersion: 0,
    maxVersion: 5,
    decode: decodeInitProducerIdRequest,
    encode: encodeInitProducerIdResponse,
    async handle(request) {
      if (request.transactionalId === '') return refusal(ErrorCode.INVALID_REQUEST);
      // Until transactions come: an error that no client retries, so that none hangs.
      if (request.transactionalId !== null) {
        return refusal(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
      }
      try {
        const producerId = await rooms.nextProducerId();
        return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, producerId, producerEpoch: 0 };
      } catch {
        return refusal(ErrorCode.KAFKA_STORAGE_ERROR);
      }
    },
    fail: (_request, errorCode) => refusal(errorCode),
  };
}

function refusal(errorCode: number): InitProducerIdResponse {
  return { throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 };
}
