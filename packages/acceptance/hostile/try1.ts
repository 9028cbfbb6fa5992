import { MillraceProcess } from '@millrace/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { metadataApi } from '@millrace/protocol';
import { Canary, createTopic, fetchOf } from './canary.ts';
import { fetchApi } from '@millrace/protocol';
import { Peer, requestOf, framed, header, lengthPrefix } from './peer.ts';
import { CLOSING_BYTES } from './bad-frames.ts';
import { MIB, rssBytes, peakRssBytes } from './process-facts.ts';
const which = process.argv[2];
const broker = await MillraceProcess.start();
const canary = await Canary.open(broker.port, 'canary');
console.log('base p99', await canary.p99(200), 'rss', rssBytes(broker.pid) / MIB);
const watch = setInterval(() => { try { console.log('rss', (rssBytes(broker.pid) / MIB).toFixed(0)); } catch { console.log('GONE'); console.log(broker.output.slice(-2000)); process.exit(1) } }, 1000);
if (which === 'closers') {
  for (const [name, make] of Object.entries(CLOSING_BYTES)) {
    const p = await Peer.open(broker.port); p.send(make());
    const r = await Promise.race([p.closed().then(() => 'closed'), sleep(3000, 'OPEN')]);
    if (r !== 'closed') console.log(name, r);
    p.close();
  }
}
if (which === 'metadata') {
  const admin = await Peer.open(broker.port);
  for (let i = 0; i < 4; i++) await createTopic(admin, `wide${i}`, { partitions: 1000 });
  console.log('created');
  const p = await Peer.open(broker.port); p.stopReading();
  p.send(Buffer.concat(Array.from({ length: 20000 }, () => framed(header(3, 1), lengthPrefix(-1)))));
  await sleep(5000);
  console.log('canary', await canary.sing());
}
if (which === 'parked') {
  const admin = await Peer.open(broker.port);
  await createTopic(admin, 'wide', { partitions: 1 });
  const p = await Peer.open(broker.port);
  const big = requestOf(fetchApi, 4, fetchOf('wide', 0, { targets: new Array(100000).fill(0), minBytes: 1 << 30, maxWaitMs: 300000 }) as never);
  console.log('frame', big.length);
  for (let i = 0; i < 300; i++) { p.send(big); if (i % 20 === 0) await sleep(200); }
  await sleep(10000);
  console.log('canary', await canary.sing());
}
if (which === 'parked-meta') {
  const admin = await Peer.open(broker.port);
  for (let i = 0; i < 4; i++) await createTopic(admin, `wide${i}`, { partitions: 1000 });
  const p = await Peer.open(broker.port);
  p.send(requestOf(fetchApi, 4, fetchOf('canary', 1_000, { minBytes: 1 << 30, maxWaitMs: 300000 }) as never));
  const c2 = await canary.sing();
  p.send(requestOf(fetchApi, 4, fetchOf('wide0', 0, { minBytes: 1 << 30, maxWaitMs: 300000 }) as never));
  p.send(Buffer.concat(Array.from({ length: 20000 }, () => framed(header(3, 1), lengthPrefix(-1)))));
  await sleep(8000);
  console.log('canary', c2, await canary.sing());
}
if (which === 'sessions') {
  await Promise.all(Array.from({ length: 4 }, async () => {
  const p = await Peer.open(broker.port);
  for (let i = 0; i < 250; i++) {
    const big = requestOf(fetchApi, 7, fetchOf('canary', 0, { targets: Array.from({ length: 100000 }, (_, j) => j), sessionEpoch: 0, minBytes: 0, maxWaitMs: 0 }) as never);
    p.send(big);
    await p.frame();
  } }));
  console.log('canary', await canary.sing());
}
console.log('end rss', rssBytes(broker.pid) / MIB, 'peak', peakRssBytes(broker.pid) / MIB);
clearInterval(watch);
await broker.kill();
process.exit(0);
