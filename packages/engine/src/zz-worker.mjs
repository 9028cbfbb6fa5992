import { connect } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { openNativeEngine } from '@millrace/engine';

const engine = openNativeEngine({
  maxFrameBytes: 1 << 20,
  minFrameBytes: 8,
  inboundBudgetBytes: 1 << 26,
  maxQueuedSendBytes: 1 << 20,
  idleMs: 60000,
  frameDeadlineMs: 60000,
  sendDeadlineMs: 60000,
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  sendBufferBytes: -1,
  receiveBufferBytes: -1,
  acceptedPrefixes: new Int16Array(0),
});
let ticks = 0;
engine.reactor.run(() => {
  ticks++;
  onTick?.();
});
var onTick;
const { port } = engine.reactor.listen('127.0.0.1', 0, 16);
const client = connect(port, '127.0.0.1', () =>
  client.write(Buffer.from([0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])),
);
client.on('error', () => {});

onTick = () => {
  if (ticks === 2) parentPort.postMessage('busy');
};
