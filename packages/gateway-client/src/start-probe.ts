import type { StreamStates, Subscribed } from '@millrace/gateway-protocol';
import type { Link } from './link.ts';
import type { Refusal } from './refusal.ts';
import { topicIdText } from './resume.ts';
import { type SubscribeFields, sharingKey } from './subscribe-frame.ts';

export interface ProbeEvents {
  /** @throws ProtocolViolation */
  found(frame: Subscribed | StreamStates, topicId: string): void;
  refused(refusal: Refusal): void;
}

/**
 * Asks where partitions start, and for none of their records: a Subscribe that is paused at once. A resume token cannot
 * carry a start that was never resolved, and a partition that it leaves out would be read from its beginning.
 *
 * @returns how to give it up.
 * @throws GatewayError when it is more than the gateway takes; then nothing was asked.
 */
export function probeStarts(
  link: Link,
  fields: SubscribeFields,
  filterTag: number,
  events: ProbeEvents,
): () => void {
  let topicId = '';
  const { sub, lane } = link.open(
    {
      sink: null,
      streams: (frame) => events.found(frame, topicId),
      unsubscribed: (frame) => events.refused(frame),
      warned: () => undefined,
    },
    sharingKey(fields, filterTag),
  );
  let isOver = false;
  try {
    link.request(
      (req) => ({ kind: 'subscribe', req, sub, ...fields, lane, credit: 1 }),
      (answer) => {
        if (isOver || answer === null) return;
        if (answer.kind === 'error') {
          link.forget(sub);
          events.refused(answer);
        } else if (answer.kind === 'subscribed') {
          topicId = topicIdText(answer.topicId);
          events.found(answer, topicId);
        }
      },
    );
  } catch (error) {
    link.forget(sub);
    throw error;
  }
  link.send({ kind: 'pause', sub });
  return () => {
    isOver = true;
    link.abandon(sub);
  };
}
