import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  alterConfigsApi,
  describeConfigsApi,
  ErrorCode,
  incrementalAlterConfigsApi,
} from '@millrace/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigOperation } from './config/config-edits.ts';
import { ConfigSource } from './config/config-source.ts';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import { batchOf, produce, type RawClient } from './testing/raw-client.ts';

const TOPIC = 2;
const BROKER = 4;

describe.each(engineBodies)('configs on the $name engine', ({ make }) => {
  let under: BrokerUnderTest;
  let client: RawClient;
  let folder: string;
  let engine: ReturnType<typeof make>;

  async function start(...overrides: string[]): Promise<void> {
    under = await BrokerUnderTest.start(engine, [
      `log.dirs=${folder}/data`,
      'log.retention.hours=24',
      'some.unknown.key=secret',
      ...overrides,
    ]);
    client = await under.client();
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-configs-'));
    engine = make();
    await start();
  });

  afterEach(async () => {
    await under.close();
    await rm(folder, { recursive: true, force: true });
    expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  async function describeOne(
    resourceType: number,
    resourceName: string,
    names: readonly string[] | null = null,
    version = 4,
  ) {
    const { results } = await client.call(describeConfigsApi, version, {
      resources: [{ resourceType, resourceName, configurationKeys: names }],
      includeSynonyms: version >= 1,
      includeDocumentation: version >= 3,
    });
    const [result] = results;
    if (result === undefined) throw new Error('no result');
    return result;
  }

  async function edit(
    resourceType: number,
    resourceName: string,
    edits: readonly [string, number, string | null][],
    { validateOnly = false, version = 1 } = {},
  ) {
    const { responses } = await client.call(incrementalAlterConfigsApi, version, {
      resources: [
        {
          resourceType,
          resourceName,
          configs: edits.map(([name, configOperation, value]) => ({
            name,
            configOperation,
            value,
          })),
        },
      ],
      validateOnly,
    });
    return [responses[0]?.errorCode, responses[0]?.errorMessage];
  }

  const configValue = async (type: number, name: string, key: string) =>
    (await describeOne(type, name, [key])).configs[0]?.value;

  it('describes topics and brokers in every version', async () => {
    await under.createTopic('t', { configs: { 'segment.bytes': '1048576' } });
    for (let version = 0; version <= 4; version++) {
      const topic = await describeOne(TOPIC, 't', null, version);
      expect(topic.errorCode).toBe(0);
      const segment = topic.configs.find(({ name }) => name === 'segment.bytes');
      expect(segment).toMatchObject({ value: '1048576', readOnly: false, isSensitive: false });
      if (version >= 1) expect(segment?.configSource).toBe(ConfigSource.topic);
      else expect(segment?.isDefault).toBe(false);
      if (version >= 3) expect(segment).toMatchObject({ configType: 3 });
      if (version >= 3) expect(segment?.documentation).toContain('segment file');
      const broker = await describeOne(BROKER, '1', null, version);
      expect(broker.configs.length).toBeGreaterThan(100);
    }
  });

  it('says where a value comes from', async () => {
    await under.createTopic('t');
    const [retention] = (await describeOne(TOPIC, 't', ['retention.ms'])).configs;
    expect(retention).toMatchObject({
      value: '86400000',
      configSource: ConfigSource.staticBroker,
      configType: 5,
      synonyms: [
        { name: 'log.retention.hours', value: '24', source: ConfigSource.staticBroker },
        { name: 'log.retention.hours', value: '168', source: ConfigSource.default },
      ],
    });
    expect(await edit(TOPIC, 't', [['retention.ms', ConfigOperation.set, '5000']])).toEqual([
      0,
      null,
    ]);
    const [changed] = (await describeOne(TOPIC, 't', ['retention.ms'])).configs;
    expect(changed).toMatchObject({ value: '5000', configSource: ConfigSource.topic });
    expect(changed?.synonyms[0]).toEqual({
      name: 'retention.ms',
      value: '5000',
      source: ConfigSource.topic,
    });
  });

  it('keeps what it cannot name secret, and warns of it once', async () => {
    const warnings = under.logLines.filter((line) => line.includes('some.unknown.key'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain('secret');
    const { configs } = await describeOne(BROKER, '1', ['some.unknown.key']);
    expect(configs).toMatchObject([{ value: null, isSensitive: true, readOnly: true }]);
  });

  it.each([
    ['an unknown topic', TOPIC, 'nobody', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ['another broker', BROKER, '7', ErrorCode.INVALID_REQUEST],
    ['a broker without a number', BROKER, 'x', ErrorCode.INVALID_REQUEST],
    ['a kind that is not served', 8, '1', ErrorCode.INVALID_REQUEST],
    ['no topic', TOPIC, '', ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.INVALID_REQUEST],
  ])('refuses %s', async (_what, type, name, code, editCode: number = code) => {
    expect((await describeOne(type, name)).errorCode).toBe(code);
    expect((await edit(type, name, []))[0]).toBe(editCode);
  });

  it('sets, deletes, appends and subtracts', async () => {
    await under.createTopic('t');
    const policy = () => configValue(TOPIC, 't', 'cleanup.policy');
    await edit(TOPIC, 't', [['cleanup.policy', ConfigOperation.append, 'compact']]);
    expect(await policy()).toBe('delete,compact');
    await edit(TOPIC, 't', [['cleanup.policy', ConfigOperation.subtract, 'delete']]);
    expect(await policy()).toBe('compact');
    await edit(TOPIC, 't', [['cleanup.policy', ConfigOperation.delete, null]]);
    expect(await policy()).toBe('delete');
    expect(await edit(TOPIC, 't', [['retention.ms', ConfigOperation.append, '1']])).toEqual([
      ErrorCode.INVALID_CONFIG,
      "Can't APPEND to key retention.ms because its type is not LIST.",
    ]);
    expect(await edit(TOPIC, 't', [['foo', ConfigOperation.set, '1']])).toEqual([
      ErrorCode.INVALID_CONFIG,
      'Unknown topic config name: foo',
    ]);
    const both = [
      ['retention.ms', ConfigOperation.set, '1'],
      ['retention.ms', ConfigOperation.delete, null],
    ] as const;
    expect(
      (
        await edit(
          TOPIC,
          't',
          both.map((row) => [...row]),
        )
      )[0],
    ).toBe(ErrorCode.INVALID_REQUEST);
  });

  it('only checks when asked to', async () => {
    await under.createTopic('t');
    const checked = { validateOnly: true, version: 0 };
    const good = await edit(TOPIC, 't', [['retention.ms', ConfigOperation.set, '1']], checked);
    const bad = await edit(TOPIC, 't', [['retention.ms', ConfigOperation.set, '-2']], checked);
    expect(good).toEqual([0, null]);
    expect(bad).toEqual([
      ErrorCode.INVALID_CONFIG,
      'Invalid value -2 for configuration retention.ms: Value must be at least -1',
    ]);
    expect(await configValue(TOPIC, 't', 'retention.ms')).toBe('86400000');
  });

  it('replaces the whole set with AlterConfigs, in every version', async () => {
    await under.createTopic('t', { configs: { 'retention.ms': '1', 'segment.ms': '2' } });
    for (let version = 0; version <= 2; version++) {
      const { responses } = await client.call(alterConfigsApi, version, {
        resources: [
          {
            resourceType: TOPIC,
            resourceName: 't',
            configs: [{ name: 'retention.bytes', value: String(version) }],
          },
        ],
        validateOnly: false,
      });
      expect(responses).toMatchObject([{ errorCode: 0, resourceName: 't' }]);
      expect(await configValue(TOPIC, 't', 'retention.bytes')).toBe(String(version));
    }
    expect(await configValue(TOPIC, 't', 'segment.ms')).toBe('604800000');
  });

  it('does not lose one of two changes at a time', async () => {
    await under.createTopic('t');
    await Promise.all([
      edit(TOPIC, 't', [['retention.ms', ConfigOperation.set, '1']]),
      under.client().then((other) =>
        other.call(incrementalAlterConfigsApi, 1, {
          resources: [
            {
              resourceType: TOPIC,
              resourceName: 't',
              configs: [{ name: 'segment.ms', configOperation: 0, value: '2' }],
            },
          ],
          validateOnly: false,
        }),
      ),
    ]);
    expect(await configValue(TOPIC, 't', 'retention.ms')).toBe('1');
    expect(await configValue(TOPIC, 't', 'segment.ms')).toBe('2');
  });

  it('puts a change in force for the next batch', async () => {
    await under.createTopic('t');
    const batch = batchOf(['x'.repeat(500)]);
    expect((await produce(client, 't', batch)).errorCode).toBe(0);
    await edit(TOPIC, 't', [['max.message.bytes', ConfigOperation.set, '100']]);
    expect((await produce(client, 't', batch)).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
    await edit(TOPIC, 't', [['max.message.bytes', ConfigOperation.delete, null]]);
    expect((await produce(client, 't', batch)).errorCode).toBe(0);
    // The same through the broker's default.
    await edit(BROKER, '', [['message.max.bytes', ConfigOperation.set, '100']]);
    expect((await produce(client, 't', batch)).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
    await edit(BROKER, '1', [['message.max.bytes', ConfigOperation.set, '100000']]);
    expect((await produce(client, 't', batch)).errorCode).toBe(0);
  });

  it('changes brokers where that is possible, and says where it is not', async () => {
    expect(await edit(BROKER, '1', [['num.partitions', ConfigOperation.set, '9']])).toEqual([
      ErrorCode.INVALID_REQUEST,
      'Cannot update these configs dynamically: [num.partitions]',
    ]);
    for (const name of ['log.dirs', 'some.unknown.key']) {
      const [code] = await edit(BROKER, '', [[name, ConfigOperation.set, '/etc']]);
      expect(code).toBe(ErrorCode.INVALID_REQUEST);
    }
    await edit(BROKER, '', [['log.cleaner.backoff.ms', ConfigOperation.set, '7']]);
    const { configs } = await describeOne(BROKER, '');
    expect(configs).toMatchObject([
      {
        name: 'log.cleaner.backoff.ms',
        value: '7',
        configSource: ConfigSource.dynamicDefaultBroker,
      },
    ]);
    const [entry] = (await describeOne(BROKER, '1', ['log.cleaner.backoff.ms'])).configs;
    expect(entry?.synonyms.map(({ value, source }) => [value, source])).toEqual([
      ['7', ConfigSource.dynamicDefaultBroker],
      ['15000', ConfigSource.default],
    ]);
  });

  it('keeps topic and broker overrides across a restart', async () => {
    await under.createTopic('t', { configs: { 'retention.ms': '1' } });
    await edit(TOPIC, 't', [['segment.ms', ConfigOperation.set, '12345']]);
    await edit(BROKER, '', [['log.cleaner.backoff.ms', ConfigOperation.set, '7']]);
    await edit(BROKER, '1', [['log.segment.bytes', ConfigOperation.set, '2000000']]);
    await under.close();
    await start();
    expect(await configValue(TOPIC, 't', 'retention.ms')).toBe('1');
    expect(await configValue(TOPIC, 't', 'segment.ms')).toBe('12345');
    expect(await configValue(TOPIC, 't', 'segment.bytes')).toBe('2000000');
    expect(await configValue(BROKER, '1', 'log.cleaner.backoff.ms')).toBe('7');
  });

  it('refuses a resource that stands twice', async () => {
    await under.createTopic('t');
    const resource = {
      resourceType: TOPIC,
      resourceName: 't',
      configs: [{ name: 'retention.ms', configOperation: 0, value: '1' }],
    };
    const { responses } = await client.call(incrementalAlterConfigsApi, 1, {
      resources: [resource, resource],
      validateOnly: false,
    });
    expect(responses.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_REQUEST,
      ErrorCode.INVALID_REQUEST,
    ]);
  });
});
