import { CloseCode, ErrorCode } from './codes.ts';
import type { Check } from './frame-verifier.ts';
import type { Frame, FrameKind } from './frames.ts';
import { PUBLISH_BATCH_RECORDS_MAX } from './limits.ts';

/**
 * What became of a message. `ok: false`: it is not to be understood (V1–V7), answer Error 107 and
 * close. `ok: true`: its frames in order; one that broke only rules of meaning (V8) stands there as
 * `refused`, is answered with an Error, and the connection lives.
 */
export type MessageReading<F extends Frame = Frame> =
  | { readonly ok: true; readonly frames: readonly (F | RefusedFrame)[] }
  | BadMessage;

export interface BadMessage {
  readonly ok: false;
  readonly check: Check;
  readonly closeCode: typeof CloseCode.BAD_FRAME;
  readonly errorCode: typeof ErrorCode.BAD_REQUEST;
  /** Names fields and rules, never values. */
  readonly message: string;
}

/** A frame that cannot be honoured, and the ids that an answer needs; those it has not, or cannot be answered, are 0. */
export interface RefusedFrame {
  readonly kind: 'refused';
  readonly frame: FrameKind;
  readonly check: 'V8';
  readonly errorCode: typeof ErrorCode.BAD_REQUEST;
  readonly message: string;
  readonly req: number;
  readonly sub: number;
  /** `seq` of Publish, `first_seq` of PublishBatch. */
  readonly seq: bigint;
  /** Records of PublishBatch; 1 where it says none that can be. */
  readonly count: number;
}

export function badMessage(check: Check, message: string): BadMessage {
  return {
    ok: false,
    check,
    closeCode: CloseCode.BAD_FRAME,
    errorCode: ErrorCode.BAD_REQUEST,
    message,
  };
}

export function refused(kind: FrameKind, fields: Fields, message: string): RefusedFrame {
  const seq = fields.seq ?? fields.firstSeq;
  // Whatever stood there in JSON: an object of no prototype cannot even be made a number.
  const count = typeof fields.count === 'number' ? fields.count : 0;
  const isCount = Number.isInteger(count) && count > 0 && count <= PUBLISH_BATCH_RECORDS_MAX;
  return {
    kind: 'refused',
    frame: kind,
    check: 'V8',
    errorCode: ErrorCode.BAD_REQUEST,
    message,
    req: typeof fields.req === 'number' ? fields.req : 0,
    sub: typeof fields.sub === 'number' ? fields.sub : 0,
    seq: typeof seq === 'bigint' && seq > 0n ? seq : 0n,
    count: isCount ? count : 1,
  };
}

/** Fields of a frame by name, as far as they could be read. */
type Fields = Readonly<Record<string, unknown>>;
