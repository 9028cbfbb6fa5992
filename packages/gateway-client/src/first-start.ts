import { toBase64Url } from '@millrace/gateway-protocol';
import { clientError } from './errors.ts';
import type { Start } from './options.ts';
import { ResumeSaver } from './resume-saver.ts';
import { type SubscribeFields, startFields } from './subscribe-frame.ts';
import type { SubscriptionHost } from './subscription-host.ts';

/** Where a subscription begins, and who writes down how far it came. */
export interface FirstStart {
  readonly saver: ResumeSaver | null;
  /** Rejects when what the store holds is no token. */
  readonly fields: Promise<SubscribeFields>;
}

/**
 * @param token the token of what the consumer finished, null while there is none.
 * @throws GatewayError when the start names no place, or needs a store that is not there.
 */
export function firstStart(
  start: Start,
  host: SubscriptionHost,
  token: () => Uint8Array | null,
): FirstStart {
  if (typeof start !== 'object' || !('resumeKey' in start))
    return { saver: null, fields: Promise.resolve(startFields(start)) };
  const { resumeStore: store } = host.options;
  if (store === undefined) throw clientError('resumeKey needs a resumeStore');
  const saver = new ResumeSaver({
    store,
    key: start.resumeKey,
    clock: host.environment.clock,
    token: () => {
      const bytes = token();
      return bytes === null ? null : toBase64Url(bytes);
    },
    failed: (cause) => host.report(clientError('the resume store failed', cause)),
  });
  const fields = saver
    .load()
    .then((resume) => startFields(resume === null ? 'latest' : { resume }));
  // Whoever attaches hears of it.
  fields.catch(() => undefined);
  return { saver, fields };
}
