import { AuthError } from '../auth/auth-error.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Principal } from '../auth/principal.ts';
import type { PlainAnswer } from '../ws/socket-server.ts';

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

/** A topic as the cluster has it. */
export interface ListedTopic {
  readonly name: string;
  readonly partitionCount: number;
}

export interface TopicListParts {
  readonly authenticator: Authenticator;
  readonly topics: () => Promise<readonly ListedTopic[]>;
}

/**
 * `GET /v1/topics`: what the token's principal may read or write, as
 * `{"subject","topics":[{"name","read","write","partitions"?}]}`. How many partitions there are is told only with the
 * right to watermarks (§19.11).
 */
export async function topicList(
  parts: TopicListParts,
  authorization: string,
  address: string,
): Promise<PlainAnswer> {
  const token = BEARER.exec(authorization)?.[1] ?? null;
  let principal: Principal;
  try {
    principal = await parts.authenticator.verify(token, address);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    return json(401, { error: error.message }, { 'www-authenticate': 'Bearer' });
  }
  const { grants, subject } = principal;
  const topics = (await parts.topics()).flatMap(({ name, partitionCount }) => {
    const read = grants.mayRead(name);
    const write = grants.mayWrite(name) !== null;
    if (read === null && !write) return [];
    const partitions = read?.watermark === true ? { partitions: partitionCount } : {};
    return [{ name, read: read !== null, write, ...partitions }];
  });
  return json(200, { subject, topics: topics.sort((a, b) => (a.name < b.name ? -1 : 1)) });
}

function json(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): PlainAnswer {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
    body: `${JSON.stringify(body)}\n`,
  };
}
