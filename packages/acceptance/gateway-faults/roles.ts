import type { Filter, Start, SubscribeOptions } from '@millrace/gateway-client';
import { CLASSES } from './digest.ts';
import { COMPACTED, KEYED, PLAIN, REBORN, type Topic } from './topics.ts';

/** What one client of the run does. */
export interface Role {
  readonly name: string;
  readonly topic: Topic;
  readonly protocol: 'binary' | 'json';
  /** `store`: from a resume store, which knows nothing at first. */
  readonly start: 'store' | Exclude<Start, object> | { readonly last: number };
  readonly policy: NonNullable<SubscribeOptions['policy']>;
  readonly filter: Filter | null;
  /** Bit n: records of class n pass the filter. */
  readonly classes: number;
  /** Takes its time over each block, so that it lags behind the gateway's rings. */
  readonly isSlow: boolean;
}

type Choice = Pick<Role, 'filter' | 'classes'>;

const ALL: Choice = { filter: null, classes: 2 ** CLASSES - 1 };

const FILTERS: readonly Choice[] = [
  ALL,
  { filter: { key: { prefix: '3-' } }, classes: 1 << 3 },
  { filter: { header: { name: 'class', in: ['1', '4'] } }, classes: (1 << 1) | (1 << 4) },
  { filter: { not: { key: { prefix: '0-' } } }, classes: ALL.classes & ~1 },
  {
    filter: { and: [{ header: { name: 'class', eq: '5' } }, { key: { prefix: '5' } }] },
    classes: 1 << 5,
  },
  {
    filter: { or: [{ key: { prefix: '6-' } }, { header: { name: 'class', prefix: '7' } }] },
    classes: (1 << 6) | (1 << 7),
  },
];

const TOPIC_OF = [PLAIN, KEYED, COMPACTED, KEYED, REBORN, PLAIN, KEYED, COMPACTED] as const;
const STARTS = ['earliest', 'store', 'latest', { last: 50 }, 'store'] as const;
/** Of the clients of a topic, one in so many. */
const JSON_ONE_IN = 5;
const SLOW_ONE_IN = 7;

/** The role of the n-th client: all kinds are among any few dozen that follow each other. */
export function roleOf(n: number): Role {
  const topic = TOPIC_OF[n % TOPIC_OF.length] as Topic;
  const turn = Math.floor(n / TOPIC_OF.length);
  const isConflated = topic.isCompacted && turn % 2 === 1;
  const start = isConflated && turn % 4 === 1 ? 'keySnapshot' : STARTS[turn % STARTS.length];
  return {
    name: `client ${n} (${topic.name})`,
    topic,
    start: start ?? 'earliest',
    protocol: turn % JSON_ONE_IN === 3 ? 'json' : 'binary',
    policy: isConflated ? 'conflateKey' : 'pause',
    isSlow: turn % SLOW_ONE_IN === 2,
    ...(topic === KEYED ? (FILTERS[turn % FILTERS.length] ?? ALL) : ALL),
  };
}
