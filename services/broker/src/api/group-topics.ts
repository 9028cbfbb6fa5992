import { ErrorCode } from '@millrace/protocol';

/** What group APIs need to know of topics; `controller/metadata-image.ts` has it. */
export interface TopicLookup {
  topic(name: string): NamedTopic | undefined;
  topicById(id: string): NamedTopic | undefined;
}

interface NamedTopic {
  readonly name: string;
  readonly id: string;
  readonly partitionCount: number;
}

/** A topic of a request, as far as it exists. */
export interface ResolvedTopic {
  /** "" when an id is not known. */
  readonly name: string;
  /** 0 for a partition that exists; 3, or 100 for an id that is not known. */
  errorFor(partition: number): number;
}

/** Finds the topic that a request names, by id in the versions that have ids. */
export function resolveTopic(
  image: TopicLookup,
  wanted: { readonly name: string; readonly topicId: string },
  isById: boolean,
): ResolvedTopic {
  const topic = isById ? image.topicById(wanted.topicId) : image.topic(wanted.name);
  if (topic === undefined) {
    const errorCode = isById ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    return { name: isById ? '' : wanted.name, errorFor: () => errorCode };
  }
  return {
    name: topic.name,
    errorFor: (partition) =>
      partition >= 0 && partition < topic.partitionCount
        ? ErrorCode.NONE
        : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  };
}
