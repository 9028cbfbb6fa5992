/** A topic as `/v1/topics` lists it. */
export interface ListedTopic {
  readonly name: string;
  readonly read: boolean;
  readonly write: boolean;
  readonly partitions?: number;
}

export type TopicsAnswer =
  | { readonly kind: 'topics'; readonly subject: string; readonly topics: readonly ListedTopic[] }
  | { readonly kind: 'token wanted'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

/** Asks which topics the token opens. */
export async function fetchTopics(token: string | null): Promise<TopicsAnswer> {
  const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch('/v1/topics', { headers });
  } catch {
    return { kind: 'failed', why: 'The gateway does not answer.' };
  }
  if (response.status === 401) {
    const { error } = (await response.json()) as { error: string };
    return { kind: 'token wanted', why: token === null ? '' : error };
  }
  if (!response.ok) return { kind: 'failed', why: (await response.text()).trim() };
  const body = (await response.json()) as { subject: string; topics: ListedTopic[] };
  return { kind: 'topics', ...body };
}
