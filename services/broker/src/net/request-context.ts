import type { ConnectionIdentity, RequestContext, RequestFrame } from '../api/api-handler.ts';

/** Until authentication comes, everybody is anonymous. */
export const ANONYMOUS_PRINCIPAL = 'User:ANONYMOUS';

/** The context of a request that outlives its frame. */
export function requestContextOf(
  frame: RequestFrame,
  connection: ConnectionIdentity,
): RequestContext {
  return {
    apiKey: frame.apiKey,
    apiVersion: frame.apiVersion,
    correlationId: frame.correlationId,
    clientId: frame.clientId,
    connection,
    receivedAtMs: frame.receivedAtMs,
    principal: ANONYMOUS_PRINCIPAL,
  };
}
