import { expect, test } from 'vitest';
import { sessionLimits } from '../limits.ts';
import type { Socket } from '../ws/socket-server.ts';
import { FrameLane } from './control-lane.ts';

test('C45: the lane holds 32 KiB and no byte more; what a socket takes makes room', () => {
  const lane = new FrameLane(false);
  let count = 0;
  while (lane.push(new Uint8Array(1000))) count++;
  expect(count).toBe(32);
  expect(lane.bytes).toBe(32_000);
  expect(lane.push(new Uint8Array(768))).toBe(true);
  expect(lane.bytes).toBe(sessionLimits.controlLaneBytesMax);
  expect(lane.push(new Uint8Array(1))).toBe(false);
  const sent: number[] = [];
  const socket = {
    send: (bytes: Uint8Array) => {
      sent.push(bytes.length);
      return 'sent';
    },
  } as unknown as Socket;
  expect(lane.flush(socket, 2500)).toBe(2000);
  expect(sent).toEqual([1000, 1000]);
  expect(lane.bytes).toBe(sessionLimits.controlLaneBytesMax - 2000);
});
