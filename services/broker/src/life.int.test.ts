import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZERO_UUID } from '@millrace/bytes';
import { EngineErrorCode } from '@millrace/engine';
import { metadataApi } from '@millrace/protocol';
import { tempFolder } from '@millrace/testing';
import { describe, expect, it } from 'vitest';
import { startBroker } from './broker.ts';
import { batchOf, fetch, produce, RawClient } from './testing/raw-client.ts';

describe('life of a broker', () => {
  it('says that a port is taken, and leaves nothing behind', async () => {
    const folder = tempFolder('life');
    const first = await startBroker();
    const overrides = [`listeners=PLAINTEXT://127.0.0.1:${first.port}`, `log.dirs=${folder.path}`];
    await expect(startBroker({ overrides })).rejects.toMatchObject({
      code: EngineErrorCode.addressInUse,
    });
    await first.close();
    const second = await startBroker({ overrides });
    await second.close();
    folder.remove();
  });

  it('says that a log dir is in use', async () => {
    const folder = tempFolder('life');
    const overrides = [`log.dirs=${folder.path}`];
    const first = await startBroker({ overrides });
    await expect(startBroker({ overrides })).rejects.toMatchObject({
      code: EngineErrorCode.dirLocked,
    });
    await first.close();
    folder.remove();
  });

  it('refuses a data directory whose checkpoint is damaged, loudly', async () => {
    const folder = tempFolder('life');
    writeFileSync(join(folder.path, 'recovery-point-offset-checkpoint'), '0\n2\nt 0 1\n');
    await expect(startBroker({ overrides: [`log.dirs=${folder.path}`] })).rejects.toThrow(
      'recovery-point-offset-checkpoint',
    );
    folder.remove();
  });

  it('leaves the mark of a clean stop and serves the same records after it', async () => {
    const folder = tempFolder('life');
    const overrides = [`log.dirs=${folder.path}`];
    const mark = join(folder.path, '.kafka_cleanshutdown');
    let broker = await startBroker({ overrides });
    const { clusterId } = broker;
    let client = await RawClient.connect(broker.port);
    await createByMetadata(client, 't');
    await produce(client, 't', batchOf(['a', 'b']));
    expect(existsSync(mark)).toBe(false);
    client.close();
    await broker.close();
    expect(JSON.parse(readFileSync(mark, 'utf8'))).toMatchObject({ version: 0 });
    const checkpoint = readFileSync(join(folder.path, 'recovery-point-offset-checkpoint'), 'utf8');
    expect(checkpoint).toBe('0\n1\nt 0 2\n');
    broker = await startBroker({ overrides });
    expect(broker.clusterId).toBe(clusterId);
    expect(existsSync(mark)).toBe(false);
    client = await RawClient.connect(broker.port);
    const response = await fetch(client, 't');
    expect(response.responses[0]?.partitions[0]).toMatchObject({ highWatermark: 2, errorCode: 0 });
    client.close();
    await broker.close();
    folder.remove();
  });

  it('leaves no handle: a process whose broker closed ends by itself', async () => {
    const program = new URL('./testing/broker-process.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--conditions=@millrace/source', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const client = await RawClient.connect(Number(line.toString()));
    await createByMetadata(client, 't');
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    client.close();
  });
});

/** Asks for a topic until it stands. */
async function createByMetadata(client: RawClient, name: string): Promise<void> {
  for (;;) {
    const response = await client.call(metadataApi, 4, {
      topics: [{ name, topicId: ZERO_UUID }],
      allowAutoTopicCreation: true,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    });
    if (response.topics[0]?.errorCode === 0) return;
  }
}
