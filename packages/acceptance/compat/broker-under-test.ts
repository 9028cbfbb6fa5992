import { ApacheKafka, MillraceProcess } from '@millrace/testing';

/** The broker that clients are pointed at: ours, or Apache Kafka as the oracle of the harness itself. */
export interface BrokerUnderTest {
  readonly name: string;
  readonly bootstrap: string;
  /** The log directory, for tools that read files. */
  readonly dataFolder: string;
  /** Shuts it down in order. */
  pause(): Promise<void>;
  /** Starts it again on the same port and data. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Short sessions, and a moment before a new group's first assignment: kafka-python 3.0 joins beside its first
 * metadata request, and with no delay (3 s is the default) it now and then assigns no partition for five minutes.
 */
const GROUP_OVERRIDES = {
  'group.min.session.timeout.ms': '1000',
  'group.initial.rebalance.delay.ms': '500',
};

/** Apache Kafka, with the settings that make groups quick. */
export async function startApacheKafka(dataFolder?: string): Promise<BrokerUnderTest> {
  const kafka = await ApacheKafka.start({
    overrides: GROUP_OVERRIDES,
    ...(dataFolder === undefined ? {} : { dataFolder }),
  });
  return {
    name: 'Apache Kafka 4.3.1',
    bootstrap: kafka.bootstrap,
    dataFolder: kafka.dataFolder,
    pause: () => kafka.pause(),
    resume: () => kafka.resume(),
    stop: () => kafka.stop(),
  };
}

/** Our broker as users run it: the `millrace broker` command, in a process of its own. */
export async function startMillrace(dataFolder?: string): Promise<BrokerUnderTest> {
  const broker = await MillraceProcess.start({
    overrides: GROUP_OVERRIDES,
    ...(dataFolder === undefined ? {} : { dataFolder }),
  });
  return {
    name: 'Millrace',
    bootstrap: broker.bootstrap,
    dataFolder: broker.dataFolder,
    pause: () => broker.pause(),
    resume: () => broker.resume(),
    stop: () => broker.stop(),
  };
}

/** A broker that somebody else runs: nothing can be restarted and no file is read. */
export function runningBroker(bootstrap: string): BrokerUnderTest {
  const refuse = async (): Promise<never> => {
    throw new Error(`${bootstrap} is not ours to restart`);
  };
  return {
    name: bootstrap,
    bootstrap,
    dataFolder: '',
    pause: refuse,
    resume: refuse,
    stop: async () => undefined,
  };
}
