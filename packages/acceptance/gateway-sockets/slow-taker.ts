import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testing';
import { BACKLOG_BYTES, type Backlog, EVERYTHING } from './backlog.ts';

const WAIT_MS = 60_000;
const TRIES = 3;

/** Whether a client that takes at most 64 KiB every `everyMs`, and says nothing, is not closed within that time. */
export async function slowTakerLives(
  backlog: Backlog,
  everyMs: number,
  forMs: number,
): Promise<boolean> {
  // A machine that stands still for long looks like a client that does.
  for (let tries = 0; tries < TRIES; tries++) if (await lives(backlog, everyMs, forMs)) return true;
  return false;
}

async function lives(backlog: Backlog, everyMs: number, forMs: number): Promise<boolean> {
  const client = await backlog.welcomed();
  client.stopReading();
  client.send(EVERYTHING);
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs) {
    client.readOnce();
    await sleep(everyMs);
  }
  const wasSlow = client.raw.receivedBytes < BACKLOG_BYTES / 2;
  // A Close would stand behind what the kernel holds: only who was not closed gets all of it.
  client.readOn();
  await eventually('all of it, or the end', WAIT_MS, () => {
    return client.raw.isClosed || client.raw.receivedBytes > BACKLOG_BYTES;
  });
  return wasSlow && client.raw.receivedBytes > BACKLOG_BYTES;
}
