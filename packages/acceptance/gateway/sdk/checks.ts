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
const SDK_DIST = path.resolve(import.meta.dirname, '../../../gateway-client/dist');
const SDK_PATH = '/sdk/';
/** So long that nobody waits for its end: what comes back sooner was woken. */
const LONG_WAIT_MS = 600_000;
const SHORT_WAIT_MS = 300;
const RESTARTS = 5;

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

/** The program as a module that puts itself into `window.program`, over the SDK as it is published. */
async function programModule(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: "import * as program from './program.ts'; globalThis.program = program;",
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    conditions: ['@millrace/source'],
    logLevel: 'silent',
    plugins: [
      {
        name: 'published-sdk',
        setup({ onResolve }) {
          const found = { path: `${SDK_PATH}index.js`, external: true };
          onResolve({ filter: /^@millrace\/gateway-client$/ }, () => found);
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? '';
}

/** A page of the gateway's own origin that has the program, and the files of the SDK. */
async function inPage(
  gateway: GatewayProcess,
  work: (page: Page, complaints: string[]) => Promise<void>,
): Promise<void> {
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({ bypassCSP: true });
    await context.route(`**${SDK_PATH}*`, (route) => {
      const name = path.basename(new URL(route.request().url()).pathname);
      return route.fulfill({ path: path.join(SDK_DIST, name), contentType: 'text/javascript' });
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${gateway.port}/`);
    await page.addScriptTag({ content: await programModule(), type: 'module' });
    await page.waitForFunction('globalThis.program');
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
      // What the browser cannot inflate is not offered, so it comes as it is.
      const hasZstd = await page.evaluate(() => {
        try {
          return new DecompressionStream('zstd' as 'gzip') !== null;
        } catch {
          return false;
        }
      });
      for (const [name, code] of [
        ['lz4', 1],
        ['deflate-raw', 2],
        ['zstd', hasZstd ? 3 : 0],
      ] as const) {
        const { codecs: seen, ...content } = await read(name);
        assert.ok(seen.includes(code), `${name}: ${seen}`);
        assert.deepEqual(content, { bytes: plain.bytes, sum: plain.sum });
      }
    });
  });
}

/** A page that reads what somebody produces. */
interface Stream {
  readonly page: Page;
  readonly gateway: GatewayProcess;
  readonly seen: () => Promise<Seen>;
  readonly produce: (count: number) => Promise<void>;
  /** Resolves when the page has all of it. */
  readonly allRead: () => Promise<unknown>;
}

/** @param capMs the longest wait between two attempts, from the first one on. */
async function streaming(capMs: number, work: (stream: Stream) => Promise<void>): Promise<void> {
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
      const [url, options] = [gateway.url, { reconnect: { baseMs: capMs, capMs } }];
      const args = [url, 'page', options].map((each) => JSON.stringify(each)).join();
      await page.evaluate(`{ globalThis.reader = new program.Reader(${args}) }`);
      await produce(300);
      await allRead();
      await work({ page, gateway, seen, produce, allRead });
      await produce(30);
      await allRead();
      const { duplicates, lost, gaps } = await seen();
      assert.deepEqual({ duplicates, lost, gaps }, { duplicates: 0, lost: 0, gaps: 0 });
      assert.deepEqual(complaints, []);
    });
    await producer.close();
  });
}

/** The page is offline, and its gateway killed meanwhile: it comes back because it is online, not because a wait is over. */
const online = (): Promise<void> =>
  streaming(LONG_WAIT_MS, async ({ page, gateway, seen, produce, allRead }) => {
    await page.context().setOffline(true);
    await gateway.kill();
    await eventually('it is noticed', TIMEOUT_MS, async () => {
      return (await seen()).state === 'reconnecting';
    });
    await produce(300);
    await gateway.resume();
    await page.context().setOffline(false);
    await allRead();
    const { readyAtMs, onlineAtMs } = await seen();
    assert.equal(readyAtMs.length, 2);
    const backMs = (readyAtMs[1] as number) - onlineAtMs;
    console.log(`back ${Math.round(backMs)} ms after it was online`);
    assert.ok(backMs >= 0 && backMs < LONG_WAIT_MS / 100, `${backMs} ms`);
  });

/** A gateway that is killed and started again on its port: the page is back within a wait and a handshake. */
const restarted = (): Promise<void> =>
  streaming(SHORT_WAIT_MS, async ({ page, gateway, seen, produce, allRead }) => {
    const backMs: number[] = [];
    for (let round = 1; round <= RESTARTS; round++) {
      await gateway.kill();
      const [upAtMs] = await Promise.all([
        gateway.resume().then(() => page.evaluate<number>('performance.now()')),
        produce(300),
      ]);
      await allRead();
      const { readyAtMs } = await seen();
      assert.equal(readyAtMs.length, round + 1);
      backMs.push((readyAtMs[round] as number) - upAtMs);
    }
    console.log(`back ${backMs.map(Math.round).join(', ')} ms after the gateway was`);
    // The best, for the machine has other things to do; the browser itself holds attempts back that follow failed ones.
    assert.ok(Math.min(...backMs) < 5 * SHORT_WAIT_MS, `${backMs} ms`);
  });

/** Row of the table → what it does. */
export const SDK_CHECKS: Readonly<Record<string, () => Promise<void>>> = {
  'SDK in Chromium: publish, read, filter, resume, commit (binary)': () => wholeWay('binary'),
  'SDK in Chromium: publish, read, filter, resume, commit (json)': () => wholeWay('json'),
  'SDK in Chromium: every codec gives equal records': codecs,
  'C52, SDK in Chromium: offline, its gateway killed, online: back at once and exactly': online,
  'C52, SDK in Chromium: its gateway is killed and comes again: back in time and exactly':
    restarted,
  [`SDK in Node: cut off ${CUTS} times between two gateways`]: () =>
    surrounded('cut', 2, ({ bootstrap }, gateways) =>
      cutOff({ bootstrap, gateways, topic: 'cut', partitionCount: PARTITIONS }, CUTS, 18),
    ),
  [`SDK in Node: ${KILLS} gateways killed under publishes`]: () =>
    surrounded('killed', 2, ({ bootstrap }, gateways) =>
      ended({ bootstrap, gateways, topic: 'killed', partitionCount: PARTITIONS }, 'kill', KILLS),
    ),
};
