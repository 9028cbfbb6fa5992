import { type Auth, ErrorCode } from '@millrace/gateway-protocol';
import { AuthError } from '../auth/auth-error.ts';
import type { Principal } from '../auth/principal.ts';
import { tokenEndMs } from '../auth/token-verifier.ts';
import type { Connection } from './connection.ts';

/** A new token for the same principal, in place: streams flow on, lost rights end their subscriptions (§16.3). */
export async function refresh(connection: Connection, { req, token }: Auth): Promise<void> {
  const { authenticator, clock } = connection.parts;
  let fresh: Principal;
  try {
    fresh = await authenticator.verify(token, connection.context.address);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    connection.refuse(req, error.errorCode, error.message, error.retryAfterMs);
    return;
  }
  if (!connection.isWelcomed) return;
  const { subject, tenant } = connection.principal;
  if (fresh.subject !== subject || fresh.tenant !== tenant) {
    connection.refuse(req, ErrorCode.FORBIDDEN, 'The token is of somebody else.');
    return;
  }
  connection.refreshed(fresh, tokenEndMs(fresh, clock.nowMs()));
  connection.send({ kind: 'authOk', req, tokenExpiresMs: BigInt(fresh.expiresAtMs) });
  connection.subscriptions.recheckRights();
}
