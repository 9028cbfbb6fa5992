import { createServer } from 'node:net';
import { ZERO_UUID } from '@millrace/bytes';
import { deleteTopicsApi, findCoordinatorApi, offsetCommitApi } from '@millrace/protocol';
import { eventually } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import { batchOf, fetch as fetchRecords, produce, type RawClient } from './testing/raw-client.ts';

/** A page as numbers by series, after a look at its form. */
function parsePage(text: string): Map<string, number> {
  const series = new Map<string, number>();
  const families: string[] = [];
  let family = '';
  let isHistogram = false;
  for (const line of text.trimEnd().split('\n')) {
    const header = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (header !== null) {
      if (header[1] === 'HELP') {
        family = header[2] as string;
        families.push(family);
      }
      expect(header[2]).toBe(family);
      isHistogram = header[3] === 'histogram';
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/.exec(line);
    const name = isHistogram ? sample?.[1]?.replace(/_(bucket|sum|count)$/, '') : sample?.[1];
    expect(name, line).toBe(family);
    expect(series.has(`${sample?.[1]}${sample?.[2] ?? ''}`), line).toBe(false);
    series.set(`${sample?.[1]}${sample?.[2] ?? ''}`, Number(sample?.[3]));
    expect(Number(sample?.[3]), line).not.toBeNaN();
  }
  expect(families).toEqual(families.toSorted());
  expect(new Set(families).size).toBe(families.length);
  return series;
}

/** Commits for group g on t-0, once the coordinator is ready. */
async function commitOffset(client: RawClient, committedOffset: number): Promise<void> {
  await eventually('a commit', 60_000, async () => {
    await client.call(findCoordinatorApi, 2, {
      key: 'g',
      keyType: 0,
      coordinatorKeys: [],
    });
    const { topics } = await client.call(offsetCommitApi, 5, {
      groupId: 'g',
      memberId: '',
      topics: [
        {
          name: 't',
          topicId: ZERO_UUID,
          partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: '' }],
        },
      ],
    });
    return topics[0]?.partitions[0]?.errorCode === 0;
  });
}

describe.each(engineBodies)('metrics and health on the $name engine', ({ make }) => {
  let under: BrokerUnderTest;
  let client: RawClient;
  let root: string;

  beforeEach(async () => {
    under = await BrokerUnderTest.start(make(), ['millrace.metrics.listener=127.0.0.1:0']);
    client = await under.client();
    root = `http://127.0.0.1:${under.broker.metricsAddress?.port}`;
  });

  afterEach(async () => {
    await under.close();
    expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  const page = async (query = '') =>
    parsePage(await (await fetch(`${root}/metrics${query}`)).text());

  it('count what happens', async () => {
    await under.createTopic('t', { partitions: 2 });
    const before = await page();
    expect(before.get('kafka_server_brokertopicmetrics_messagesin_total')).toBe(0);
    const batch = batchOf(['a', 'b', 'c']);
    await produce(client, 't', batch);
    await produce(client, 't', batch);
    await fetchRecords(client, 't');
    await commitOffset(client, 2);
    // Pages are shared for a second; a filtered one is fresh.
    const names = [
      'kafka_server_brokertopicmetrics_messagesin_total',
      'kafka_server_brokertopicmetrics_bytesin_total',
      'kafka_server_brokertopicmetrics_bytesout_total',
      'kafka_network_requestmetrics_requests_total',
      'kafka_network_requestmetrics_totaltimems_count',
      'kafka_network_requestmetrics_requestqueuetimems_count',
      'kafka_network_requestmetrics_responsequeuetimems_count',
      'kafka_log_logflushstats_logflushrateandtimems_count',
      'kafka_log_log_size',
      'kafka_log_log_numlogsegments',
      'kafka_server_replicamanager_produceridcount',
      'kafka_topic_partition_current_offset',
      'kafka_consumergroup_lag',
      'kafka_consumergroup_lag_sum',
    ];
    const after = await page(`?${names.map((name) => `name[]=${name}`).join('&')}`);
    const meters = 'kafka_server_brokertopicmetrics_';
    expect(Object.fromEntries(after)).toMatchObject({
      [`${meters}messagesin_total`]: 6,
      [`${meters}messagesin_total{topic="t"}`]: 6,
      [`${meters}bytesin_total`]: 2 * batch.length,
      [`${meters}bytesout_total{topic="t"}`]: 2 * batch.length,
      'kafka_log_log_size{topic="t",partition="0"}': 2 * batch.length,
      'kafka_log_log_size{topic="t",partition="1"}': 0,
      'kafka_log_log_numlogsegments{topic="t",partition="0"}': 1,
      kafka_server_replicamanager_produceridcount: 0,
      'kafka_topic_partition_current_offset{topic="t",partition="0"}': 6,
      'kafka_consumergroup_lag{consumergroup="g",topic="t",partition="0"}': 4,
      'kafka_consumergroup_lag_sum{consumergroup="g",topic="t"}': 4,
      'kafka_network_requestmetrics_totaltimems_count{request="Produce"}': 2,
      'kafka_network_requestmetrics_requestqueuetimems_count{request="Produce"}': 2,
      'kafka_network_requestmetrics_responsequeuetimems_count{request="Produce"}': 2,
    });
    // Acknowledged commits were flushed.
    expect(after.get('kafka_log_logflushstats_logflushrateandtimems_count')).toBeGreaterThan(0);
    expect([...after.keys()].some((key) => key.startsWith('process_'))).toBe(false);
  });

  it('forget a topic that is gone, but not its part of the total', async () => {
    await under.createTopic('t');
    await produce(client, 't', batchOf(['a']));
    await client.call(deleteTopicsApi, 5, {
      topics: [],
      topicNames: ['t'],
      timeoutMs: 1000,
    });
    const series = await page();
    expect([...series.keys()].filter((key) => key.includes('topic="t"'))).toEqual([]);
    expect(series.get('kafka_server_brokertopicmetrics_messagesin_total')).toBe(1);
  });

  it('have the names that dashboards look for', async () => {
    const series = await page();
    for (const name of [
      'kafka_controller_kafkacontroller_activecontrollercount',
      'kafka_server_replicamanager_leadercount',
      'kafka_server_kafkaserver_brokerstate',
      'kafka_server_replicamanager_produceridcount',
      'kafka_server_replicamanager_partitionswithlatetransactionscount',
      'kafka_server_replicamanager_failedisrupdates_total',
      'kafka_coordinator_group_groupmetadatamanager_numoffsets',
      'kafka_brokers',
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'nodejs_heap_size_used_bytes',
      'nodejs_eventloop_utilization',
    ]) {
      expect(series.get(name), name).toBeDefined();
    }
    expect(series.get('kafka_server_kafkaserver_brokerstate')).toBe(3);
  });

  it('answer over HTTP as Prometheus and probes want it', async () => {
    const plain = await fetch(`${root}/metrics`, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(plain.headers.get('content-encoding')).toBeNull();
    const zipped = await fetch(`${root}/metrics`, { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    // The same page, unless its second is over.
    const namesOf = (text: string) => [...parsePage(text).keys()];
    expect(namesOf(await zipped.text())).toEqual(namesOf(await plain.text()));
    const headers = {
      accept: 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3',
    };
    const open = await fetch(`${root}/metrics`, { headers });
    expect(open.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const text = await open.text();
    expect(text).toMatch(/\n# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total /);
    expect(text.endsWith('# EOF\n')).toBe(true);
    expect((await fetch(`${root}/metrics`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${root}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${root}/nothing`)).status).toBe(404);
    expect(await (await fetch(`${root}/`)).text()).toContain('/metrics');
    for (const path of ['live', 'ready']) {
      const answer = await fetch(`${root}/health/${path}`);
      expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok', reason: '' }]);
    }
    expect(await (await fetch(`${root}/metrics?name[]=nothing`)).text()).toBe('');
  });

  it('say in one sentence that their port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const address = `127.0.0.1:${port}`;
    await expect(
      BrokerUnderTest.start(make(), [`millrace.metrics.listener=${address}`]),
    ).rejects.toThrow(`Address ${address} of millrace.metrics.listener is taken`);
    await new Promise((resolve) => taken.close(resolve));
    await expect(
      BrokerUnderTest.start(make(), ['millrace.metrics.listener=nonsense']),
    ).rejects.toThrow('millrace.metrics.listener wants HOST:PORT, not nonsense.');
  });
});
