import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NO_LIMIT } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { brokerConfigs } from './broker-config.ts';
import { readStaticConfig, unknownNameHint } from './config-file.ts';
import { DynamicConfig } from './dynamic-config.ts';
import { topicConfigOf, topicConfigs } from './topic-config.ts';

const configOf = (...overrides: string[]) =>
  new DynamicConfig(readStaticConfig({ overrides }).values).config;

/** What Apache Kafka 3.9 ships as config/server.properties, without its comments. */
const SHIPPED_39 = `
broker.id=0
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kafka-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.retention.check.interval.ms=300000
zookeeper.connect=localhost:2181
zookeeper.connection.timeout.ms=18000
group.initial.rebalance.delay.ms=0
`;

const SHIPPED_KRAFT = `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT
num.network.threads=3
log.dirs=/tmp/kraft-combined-logs
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
log.segment.bytes=1073741824
group.initial.rebalance.delay.ms=0
`;

describe('broker configs', () => {
  it('have Kafka’s defaults', () => {
    expect(configOf()).toMatchObject({
      openListeners: [{ name: 'PLAINTEXT', host: '', port: 9092 }],
      advertisedListeners: null,
      logDirs: ['/tmp/kafka-logs'],
      numPartitions: 1,
      socketRequestMaxBytes: 104_857_600,
      connectionsMaxIdleMs: 600_000,
      fetchMaxBytes: 57_671_680,
      groupInitialRebalanceDelayMs: 3000,
      offsetsTopicNumPartitions: 50,
      offsetsRetentionMinutes: 10_080,
      autoCreateTopicsEnable: true,
      durability: 'fsync',
      logFlushSchedulerIntervalMs: NO_LIMIT,
    });
  });

  it('start from the file that Apache Kafka ships', () => {
    const { values, unknownNames } = readStaticConfig({ propertiesText: SHIPPED_39 });
    const { config } = new DynamicConfig(values);
    expect(config).toMatchObject({ brokerId: 0, groupInitialRebalanceDelayMs: 0 });
    expect(unknownNames).toEqual(['zookeeper.connect', 'zookeeper.connection.timeout.ms']);
  });

  it('name those that were set and have no effect', () => {
    const { idleNames } = readStaticConfig({
      overrides: ['compression.lz4.level=12', 'num.io.threads= 8', 'compression.zstd.level=4'],
    });
    expect(idleNames).toEqual(['compression.lz4.level']);
  });

  it('take the levels of codecs that Apache Kafka takes', () => {
    const resolve = (override: string) =>
      new DynamicConfig(readStaticConfig({ overrides: [override] }).values).config;
    expect(resolve('compression.gzip.level=-1').compressionGzipLevel).toBe(-1);
    expect(resolve('compression.gzip.level=9').compressionGzipLevel).toBe(9);
    const refusal = 'Value must be between 1 and 9 or equal to -1';
    for (const level of ['0', '10', '-2']) {
      expect(() => resolve(`compression.gzip.level=${level}`)).toThrow(refusal);
    }
    expect(() => resolve('compression.lz4.level=18')).toThrow('no more than 17');
    expect(() => resolve('compression.zstd.level=23')).toThrow('no more than 22');
  });

  it('start from a KRaft file, without the controller’s listener', () => {
    const { values } = readStaticConfig({ propertiesText: SHIPPED_KRAFT });
    const { config } = new DynamicConfig(values);
    expect(config.brokerId).toBe(1);
    expect(config.openListeners).toEqual([{ name: 'PLAINTEXT', host: '', port: 9092 }]);
    expect(config.advertisedListeners?.[0]).toMatchObject({ host: 'localhost', port: 9092 });
  });

  it('let overrides win over the environment and that over the file', () => {
    const inputs = {
      propertiesText: 'num.partitions=1\nlog.dirs=/a\nlog.retention.ms=1',
      environment: {
        KAFKA_NUM_PARTITIONS: '2',
        KAFKA_LOG_DIRS: '/b',
        KAFKA_HEAP_OPTS: '-Xmx1G',
        KAFKA_MILLRACE_LOG_DURABILITY: 'page-cache',
        PATH: '/bin',
      },
      overrides: ['num.partitions=3', 'num.partitions=4', 'log.dir=x=y'],
    };
    const { values, unknownNames } = readStaticConfig(inputs);
    expect(new DynamicConfig(values).config).toMatchObject({
      numPartitions: 4,
      logDirs: ['/b'],
      logDir: 'x=y',
      logRetentionMs: 1,
      durability: 'page-cache',
    });
    expect(unknownNames).toEqual([]);
  });

  it.each([
    ['listeners=PLAINTEXT://h:1,PLAINTEXT://h:2', 'Each listener must have a different name'],
    ['listeners=nonsense', 'Unable to parse nonsense to a listener'],
    ['listeners=PLAINTEXT://h:70000', 'Unable to parse PLAINTEXT://h:70000'],
    ['listeners=SSL://h:9092', 'Listener SSL wants SSL; only PLAINTEXT is served.'],
    ['listeners=OTHER://h:9092', 'names no protocol for listener OTHER'],
    [
      'advertised.listeners=PLAINTEXT://0.0.0.0:9092',
      'cannot use the nonroutable meta-address 0.0.0.0',
    ],
    ['advertised.listeners=OTHER://h:9092', 'names OTHER, which is not in listeners'],
    ['process.roles=controller', 'has no broker in it'],
    ['log.retention.ms=0', 'must be unlimited (-1) or, equal or greater than 1'],
    ['log.dirs=', 'At least one log directory'],
    ['queued.max.request.bytes=5', 'must be larger or equal to socket.request.max.bytes'],
    ['num.partitions=0', 'Value must be at least 1'],
    ['millrace.log.durability=maybe', 'String must be one of: fsync, page-cache'],
    ['numpartitions', '--override takes key=value'],
  ])('refuse %s', (override, message) => {
    expect(() => configOf(override)).toThrow(message);
  });

  it('know IPv6 listeners', () => {
    expect(configOf('listeners=PLAINTEXT://[::1]:9092').openListeners).toEqual([
      { name: 'PLAINTEXT', host: '::1', port: 9092 },
    ]);
  });

  it('say what an unknown name may have meant', () => {
    expect(unknownNameHint('retention.ms')).toBe(
      'a topic config; a broker calls it log.retention.ms',
    );
    expect(unknownNameHint('foo')).toBe('unknown');
    expect(unknownNameHint('num.partitions')).toBeNull();
  });
});

describe('the tables', () => {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('.test.'))
    .filter((name) => !/config\/(broker-rows\/|topic-config)/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const synonyms = new Set(
    [...topicConfigs.byName.values()].flatMap((row) => row.synonyms.map(({ name }) => name)),
  );

  it('say of every config that nothing reads that it has no effect', () => {
    for (const [field, row] of [
      ...Object.entries(brokerConfigs.rows),
      ...Object.entries(topicConfigs.rows),
    ]) {
      // A broker's default for topics is read through the topic's row.
      const isRead = new RegExp(`\\b${field}\\b`).test(source) || synonyms.has(row.name);
      expect(isRead || row.hasNoEffect, row.name).toBe(true);
    }
  });
});

describe('topic configs', () => {
  const topicOf = (overrides: Record<string, string>, ...broker: string[]) =>
    topicConfigOf(
      new Map(Object.entries(overrides)),
      new DynamicConfig(readStaticConfig({ overrides: broker }).values).layers,
    );

  it('fall back to the broker’s settings, ms before minutes before hours', () => {
    const hours = 'log.retention.hours=1';
    const minutes = 'log.retention.minutes=1';
    const ms = 'log.retention.ms=1';
    expect(topicOf({}).retentionMs).toBe(604_800_000);
    expect(topicOf({}, hours).retentionMs).toBe(3_600_000);
    expect(topicOf({}, hours, minutes).retentionMs).toBe(60_000);
    expect(topicOf({}, hours, minutes, ms).retentionMs).toBe(1);
    expect(topicOf({ 'retention.ms': '-1' }, ms).retentionMs).toBe(-1);
    expect(topicOf({}, 'log.roll.hours=2').segmentMs).toBe(7_200_000);
    expect(topicOf({}, 'log.flush.scheduler.interval.ms=9').flushMs).toBe(9);
  });

  it('do not take a topic’s own names from the broker’s file', () => {
    expect(topicOf({}, 'retention.ms=5').retentionMs).toBe(604_800_000);
    expect(topicOf({}, 'compression.type=zstd').compressionType).toBe('zstd');
  });

  it('name only broker configs as synonyms, with the same default', () => {
    for (const row of topicConfigs.byName.values()) {
      for (const synonym of row.synonyms) {
        const broker = brokerConfigs.byName.get(synonym.name);
        expect(broker, synonym.name).toBeDefined();
        if (synonym.scale === undefined && broker?.defaultText !== null) {
          expect([synonym.name, broker?.defaultText]).toEqual([synonym.name, row.defaultText]);
        }
      }
    }
  });
});

describe('DynamicConfig', () => {
  it('changes the one object in place and tells', () => {
    const dynamic = new DynamicConfig(new Map([['log.cleaner.threads', '3']]));
    const { config } = dynamic;
    const seen: number[] = [];
    const stop = dynamic.onChange(() => seen.push(config.logCleanerThreads));
    dynamic.apply('cluster', new Map([['log.cleaner.threads', '4']]));
    dynamic.apply('broker', new Map([['log.cleaner.threads', '5']]));
    dynamic.apply('broker', new Map());
    dynamic.apply('cluster', new Map());
    stop();
    dynamic.apply('cluster', new Map([['log.cleaner.threads', '9']]));
    expect(seen).toEqual([4, 5, 4, 3]);
  });

  it('leaves everything as it was when a value is refused', () => {
    const dynamic = new DynamicConfig(new Map());
    expect(() => dynamic.check('cluster', new Map([['log.cleaner.threads', 'x']]))).toThrow(
      'Not a number',
    );
    expect(() => dynamic.check('broker', new Map([['log.dirs', '/x']]))).toThrow(
      'Cannot update these configs dynamically: [log.dirs]',
    );
    expect(dynamic.config.logCleanerThreads).toBe(1);
  });

  it('settles a broker id that was left open, and only that', () => {
    const open = new DynamicConfig(new Map());
    open.adoptBrokerId(7);
    expect(open.config.brokerId).toBe(7);
    const set = new DynamicConfig(new Map([['node.id', '3']]));
    set.adoptBrokerId(7);
    expect(set.config.brokerId).toBe(3);
  });
});
