import { MillraceProcess } from '@millrace/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CLIENT_CHECKS } from '../client-suite/checks.ts';

describe('@millrace/client on Millrace', () => {
  let broker: MillraceProcess;
  let serial = 0;

  beforeAll(async () => {
    broker = await MillraceProcess.start();
  });

  afterAll(async () => {
    await broker.stop();
  });

  it.each(Object.entries(CLIENT_CHECKS))('%s', async (_, check) => {
    await check({
      bootstrapServers: broker.bootstrap,
      topic: `client-${serial++}`,
      restart: async () => {
        await broker.pause();
        await broker.resume();
      },
    });
  });
});
