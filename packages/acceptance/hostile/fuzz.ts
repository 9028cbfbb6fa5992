import { seededPrng } from '@millrace/base';
import type { Canary } from './canary.ts';
import { goldenRequests, mutant } from './mutations.ts';
import { framed, Peer } from './peer.ts';

/** Frames on one connection before a new one is opened; the broker usually ends it earlier. */
const FRAMES_PER_CONNECTION = 8;
const CONNECTIONS_AT_ONCE = 25;
const CANARY_EVERY = 1_000;
/** The canary's song after bad frames (kafka-surface G.1); machines that build something else are slower. */
const CANARY_MS_MAX = 1_000;
const ROUND_MS_MAX = 400;

export interface FuzzOptions {
  readonly port: number;
  readonly canary: Canary;
  readonly seed: number;
  readonly frameCount: number;
  readonly note?: (text: string) => void;
}

export interface FuzzReport {
  readonly frameCount: number;
  readonly connectionCount: number;
  readonly closedCount: number;
  readonly canaryMsMax: number;
}

/**
 * Sends golden requests with something wrong to a live broker, and lets the canary sing after every thousand.
 *
 * @throws Error naming the seed when the broker is gone or the canary is not served in time.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { port, canary, seed, frameCount, note } = options;
  const random = seededPrng(seed);
  const requests = goldenRequests();
  let sent = 0;
  let connectionCount = 0;
  let closedCount = 0;
  let canaryMsMax = 0;
  let nextCanary = CANARY_EVERY;
  try {
    while (sent < frameCount) {
      const round = Array.from({ length: CONNECTIONS_AT_ONCE }, () =>
        Array.from({ length: FRAMES_PER_CONNECTION }, () => framed(mutant(requests, random))),
      );
      const closed = await Promise.all(round.map((frames) => sendAll(port, frames)));
      sent += CONNECTIONS_AT_ONCE * FRAMES_PER_CONNECTION;
      connectionCount += CONNECTIONS_AT_ONCE;
      closedCount += closed.filter(Boolean).length;
      if (sent < nextCanary) continue;
      nextCanary += CANARY_EVERY;
      const songMs = await canary.sing();
      canaryMsMax = Math.max(canaryMsMax, songMs);
      if (songMs > CANARY_MS_MAX) throw new Error(`the canary took ${songMs.toFixed(0)} ms`);
      if (sent % 50_000 === 0)
        note?.(`${sent} frames, canary at most ${canaryMsMax.toFixed(0)} ms`);
    }
  } catch (error) {
    throw new Error(`seed ${seed}, frame ${sent}: ${String(error)}`, { cause: error });
  }
  return { frameCount: sent, connectionCount, closedCount, canaryMsMax };
}

/** Whether the broker closed; frames that wait for others (long polls) are left after a while. */
async function sendAll(port: number, frames: readonly Buffer[]): Promise<boolean> {
  const peer = await Peer.open(port);
  peer.send(Buffer.concat(frames));
  // Half-closed: whoever is answered completely is closed by the broker as well.
  peer.socket.end();
  const timer = setTimeout(() => peer.close(), ROUND_MS_MAX);
  await peer.closed();
  clearTimeout(timer);
  return peer.isClosed;
}
