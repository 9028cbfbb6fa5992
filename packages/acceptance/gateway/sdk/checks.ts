// The SDK in headless Chromium, and its long ordeals in Node: rows of `npm run compat`.
import assert from 'node:assert/strict';
import path from 'node:path';
import { Admin, Producer } from '@millrace/client';
import { eventually, MillraceProcess } from '@millrace/testing';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { openBrowser } from '../demo/browser.ts';
import { GatewayProcess } from './gateway-process.ts';
import { cutOff, ended } from './ordeals.ts';
import type { Seen } from './program.ts';

const TIMEOUT_MS = 30_000;
const CUTS = 25;
const KILLS = 4;
const PARTITIONS = 3;

/** A broker with `topic`, and `count` gateways. */
async function surrounded(
  topic: string,
  count: number,
  work: (broker: MillraceProcess, gateways: readonly GatewayProcess[]) => Promise<void>,
): Promise<void> {
  const broker = await MillraceProcess.start();
  const gateways: GatewayProcess[] = [];
  try {
    const admin = new Admin({ bootstrapServers: broker.bootstrap });
    await admin.createTopics([{ name: topic, partitionCount: PARTITIONS }]);
    await admin.close();
    const settings = [`gateway.compression.topics=${topic}`];
    for (let n = 0; n < count; n++)
      gateways.push(await GatewayProcess.start(broker.bootstrap, settings));
    await work(broker, gateways);
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await broker.stop();
  }
}

/** The program as one script that puts itself into `window.program`. */
async function scriptOfProgram(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'program.ts')],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    globalName: 'program',
    target: 'es2022',
    conditions: ['@millrace/source'],
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

/** A page of the gateway's own origin that has the program. */
async function inPage(
  gateway: GatewayProcess,
  work: (page: Page, complaints: string[]) => Promise<void>,
): Promise<void> {
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${gateway.port}/`);
    await page.addScriptTag({ content: await scriptOfProgram() });
    await work(page, complaints);
  } finally {
    await browser.close();
  }
}

async function wholeWay(protocol: 'binary' | 'json'): Promise<void> {
  await surrounded('page', 1, async (_, [gateway]) => {
    assert.ok(gateway);
    await inPage(gateway, async (page, complaints) => {
      const call = `program.roundTrip(${JSON.stringify(gateway.url)}, 'page', '${protocol}')`;
      const seen = await page.evaluate<Record<string, unknown>>(call);
      assert.deepEqual(
        [seen.headers, seen.end, seen.committed, seen.filtered, seen.resumed],
        [40, 40, 11, 13, [JSON.stringify([40, null, 'after'])]],
      );
      assert.deepEqual(complaints, []);
    });
  });
}

async function codecs(): Promise<void> {
  await surrounded('page', 1, async (broker, [gateway]) => {
    assert.ok(gateway);
    const producer = new Producer({ bootstrapServers: broker.bootstrap });
    const value = 'a value that repeats itself, itself, itself. '.repeat(20);
    const sends = Array.from({ length: 300 }, () => producer.send({ topic: 'page', value }));
    await Promise.all(sends);
    await producer.close();
    await inPage(gateway, async (page) => {
      const read = (codec: string): Promise<{ codecs: number[]; bytes: number; sum: number }> =>
        page.evaluate(
          `program.readWithCodec(${JSON.stringify(gateway.url)}, 'page', '${codec}', 300)`,
        );
      const plain = await read('none');
      assert.deepEqual([plain.codecs, plain.bytes], [[0], 300 * value.length]);
      for (const [name, code] of [
        ['lz4', 1],
        ['deflate-raw', 2],
      ] as const) {
        const { codecs: seen, ...content } = await read(name);
        assert.ok(seen.includes(code), `${name}: ${seen}`);
        assert.deepEqual(content, { bytes: plain.bytes, sum: plain.sum });
      }
    });
  });
}

/** The page is offline for a while, and its gateway killed meanwhile. */
async function comesBack(): Promise<void> {
  await surrounded('page', 1, async (broker, [gateway]) => {
    assert.ok(gateway);
    const producer = new Producer({ bootstrapServers: broker.bootstrap });
    const ends = Array<number>(PARTITIONS).fill(0);
    const produce = async (count: number): Promise<void> => {
      const sends = Array.from({ length: count }, (_, i) => {
        const partition = i % PARTITIONS;
        ends[partition] = (ends[partition] as number) + 1;
        return producer.send({ topic: 'page', partition, value: `${i}` });
      });
      await Promise.all(sends);
    };
    await inPage(gateway, async (page, complaints) => {
      const seen = (): Promise<Seen> => page.evaluate('reader.seen');
      const allRead = (): Promise<true> =>
        eventually('everything is read', TIMEOUT_MS, async () => {
          const { next, ended } = await seen();
          if (ended !== null) throw new Error(ended);
          return ends.every((end, partition) => next[partition] === end);
        });
      const url = JSON.stringify(gateway.url);
      await page.evaluate(`{ globalThis.reader = new program.Reader(${url}, 'page') }`);
      await produce(300);
      await allRead();
      await page.context().setOffline(true);
      await gateway.kill();
      await produce(300);
      await gateway.resume();
      await page.context().setOffline(false);
      await allRead();
      await produce(30);
      await allRead();
      const { duplicates, lost, gaps, connections } = await seen();
      assert.deepEqual({ duplicates, lost, gaps }, { duplicates: 0, lost: 0, gaps: 0 });
      assert.ok(connections >= 2);
      assert.deepEqual(complaints, []);
    });
    await producer.close();
  });
}

/** Row of the table → what it does. */
export const SDK_CHECKS: Readonly<Record<string, () => Promise<void>>> = {
  'SDK in Chromium: publish, read, filter, resume, commit (binary)': () => wholeWay('binary'),
  'SDK in Chromium: publish, read, filter, resume, commit (json)': () => wholeWay('json'),
  'SDK in Chromium: every codec gives equal records': codecs,
  'SDK in Chromium: offline, and its gateway killed: goes on exactly': comesBack,
  [`SDK in Node: cut off ${CUTS} times between two gateways`]: () =>
    surrounded('cut', 2, ({ bootstrap }, gateways) =>
      cutOff({ bootstrap, gateways, topic: 'cut', partitionCount: PARTITIONS }, CUTS, 18),
    ),
  [`SDK in Node: ${KILLS} gateways killed under publishes`]: () =>
    surrounded('killed', 2, ({ bootstrap }, gateways) =>
      ended({ bootstrap, gateways, topic: 'killed', partitionCount: PARTITIONS }, 'kill', KILLS),
    ),
};
