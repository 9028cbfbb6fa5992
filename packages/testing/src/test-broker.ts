import { ApacheKafka } from './apache-kafka.ts';
import { MillraceProcess } from './millrace-process.ts';

/** A broker in a process of its own, whoever made it. */
export interface TestBroker {
  /** `host:port` for clients. */
  readonly bootstrap: string;
  /** Ends it as a power cut would; what the kernel holds survives. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  resume(): Promise<void>;
  /** Shuts it down and removes its data. */
  stop(): Promise<void>;
}

/** The environment's word for the broker that tests of things above a broker get. */
export const TEST_BROKER = {
  variable: 'MILLRACE_TEST_BROKER',
  apacheKafka: 'apache-kafka',
} as const;

/**
 * A broker for a test that is about what stands above it: ours, or Apache Kafka when the environment says so, as
 * `npm run compat` does.
 */
export function startTestBroker(): Promise<TestBroker> {
  return process.env[TEST_BROKER.variable] === TEST_BROKER.apacheKafka
    ? ApacheKafka.start()
    : MillraceProcess.start();
}
