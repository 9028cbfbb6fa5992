import { ErrorCode } from '@millrace/protocol';
import type { DynamicConfig, DynamicScope } from '../config/dynamic-config.ts';
import type { DurableRecords } from '../controller/durable-records.ts';
import { done, type Outcome, refused } from '../controller/refusal.ts';
import type { OverridesEdit, Topics } from '../controller/topic-store.ts';

/** Rooms of the APIs that read and change configs. */
export interface ConfigRooms {
  readonly topics: Topics;
  readonly records: DurableRecords;
  readonly dynamicConfig: DynamicConfig;
}

/** A config resource as requests name it. */
export interface ResourceName {
  readonly resourceType: number;
  readonly resourceName: string;
}

export type ConfigResource =
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'broker'; readonly scope: DynamicScope };

/** Kinds of resources with configs, numbered as on the wire. */
export const ResourceType = { topic: 2, broker: 4 } as const;

/** What a request means by a resource: a topic, this broker (by its id), or every broker (""). */
export function resolveResource(
  { resourceType, resourceName }: ResourceName,
  brokerId: number,
): Outcome<ConfigResource> {
  if (resourceType === ResourceType.topic) {
    if (resourceName === '') {
      return refused(ErrorCode.INVALID_REQUEST, 'Default topic resources are not allowed.');
    }
    return done({ kind: 'topic', name: resourceName });
  }
  if (resourceType !== ResourceType.broker) {
    return refused(ErrorCode.INVALID_REQUEST, `Unsupported resource type ${resourceType}`);
  }
  if (resourceName === '') return done({ kind: 'broker', scope: 'cluster' });
  if (!/^\d+$/.test(resourceName)) {
    return refused(
      ErrorCode.INVALID_REQUEST,
      `Broker id must be an integer, but it is: ${resourceName}`,
    );
  }
  if (Number(resourceName) !== brokerId) {
    return refused(
      ErrorCode.INVALID_REQUEST,
      `Unexpected broker id, expected ${brokerId} or empty string, but received ${resourceName}`,
    );
  }
  return done({ kind: 'broker', scope: 'broker' });
}

export interface ResourceResult extends ResourceName {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Changes (or only checks) each resource; one named twice is refused. Order as in the request. */
export function alterResources<R extends ResourceName>(
  rooms: ConfigRooms,
  resources: readonly R[],
  validateOnly: boolean,
  editOf: (resource: R, kind: ConfigResource['kind']) => OverridesEdit,
): Promise<ResourceResult[]> {
  const counts = new Map<string, number>();
  for (const resource of resources) {
    const key = keyOf(resource);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Promise.all(
    resources.map(async (resource) => {
      if (counts.get(keyOf(resource)) !== 1) {
        const message = 'Each resource must appear at most once.';
        return resultOf(resource, refused(ErrorCode.INVALID_REQUEST, message));
      }
      const target = resolveResource(resource, rooms.topics.image.brokerId);
      if (target.refusal !== null) return resultOf(resource, target);
      const edit = editOf(resource, target.value.kind);
      return resultOf(resource, await alterOne(rooms, target.value, edit, validateOnly));
    }),
  );
}

async function alterOne(
  { topics, records, dynamicConfig }: ConfigRooms,
  target: ConfigResource,
  edit: OverridesEdit,
  validateOnly: boolean,
): Promise<Outcome<unknown>> {
  if (target.kind === 'topic') {
    if (validateOnly) return topics.planTopicConfig(target.name, edit);
    return topics.alterTopicConfig(target.name, edit);
  }
  if (validateOnly) return records.planBrokerConfig(dynamicConfig, target.scope, edit);
  return records.alterBrokerConfig(dynamicConfig, target.scope, edit);
}

function keyOf({ resourceType, resourceName }: ResourceName): string {
  return `${resourceType}:${resourceName}`;
}

export function resultOf(resource: ResourceName, { refusal }: Outcome<unknown>): ResourceResult {
  return {
    errorCode: refusal?.errorCode ?? ErrorCode.NONE,
    errorMessage: refusal?.message ?? null,
    resourceType: resource.resourceType,
    resourceName: resource.resourceName,
  };
}
