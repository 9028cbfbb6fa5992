import { ManualClock } from '@millrace/base';
import { expect, it } from 'vitest';
import { createGatewayMetrics } from '../metrics.ts';
import { DeliveryStats } from './delivery-stats.ts';
import { dataPacket } from './new-packet.ts';
import { DeliveryPath } from './packet.ts';

function packetOf(timestampMs: number, count: number) {
  const content = {
    ...{ from: 0, next: count, count, epoch: 0, highWatermark: count, flags: 0 },
    ...{ payload: new Uint8Array(), path: DeliveryPath.cold, baseTimestamp: timestampMs },
  };
  return dataPacket(content, new Uint8Array(96), 0);
}

it('measures one write in 64: its bytes, its records, and how long ago they were appended', () => {
  const clock = new ManualClock();
  const { families } = createGatewayMetrics((topic) => topic === 'listed');
  const stats = new DeliveryStats(families, { count: 0 }, clock);
  const meter = families.ofTopic('listed');
  const packet = packetOf(clock.nowMs() - 300, 4);
  for (let write = 0; write < 65; write++) {
    stats.took(packet, meter);
    stats.took(packet, meter);
    stats.wrote(200);
  }
  // Control frames alone are a write without records.
  for (let write = 0; write < 64; write++) stats.wrote(10);
  stats.flush(1);
  expect(families.recordsDelivered.with('cold').value).toBe(65 * 8);
  expect(families.framesOut.with('records').value).toBe(130);
  expect(families.bytesPerWrite.with().count).toBe(3);
  expect(families.recordsPerWrite.with()).toMatchObject({ sum: 16, count: 2 });
  expect(families.deliveryLag.with()).toMatchObject({ sum: 600, count: 2 });
  expect(meter?.lag).toMatchObject({ sum: 600, count: 2 });
});

it('takes a clock that runs ahead for no time at all', () => {
  const clock = new ManualClock();
  const { families } = createGatewayMetrics();
  const stats = new DeliveryStats(families, { count: 0 }, clock);
  stats.took(packetOf(clock.nowMs() + 5000, 1), null);
  stats.wrote(100);
  expect(families.deliveryLag.with()).toMatchObject({ sum: 0, count: 1 });
});
