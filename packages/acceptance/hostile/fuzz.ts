import { type Prng, seededPrng } from '@millrace/base';
import type { Canary } from './canary.ts';
import { decodes, goldenRequests, mutant } from './mutations.ts';
import { framed, header, Peer } from './peer.ts';

/** A connection ends with its first frame that is no request, or here. */
const FRAMES_PER_CONNECTION = 16;
const CONNECTIONS_AT_ONCE = 60;
/** An api nobody serves: what came before is answered, then the broker closes. */
const GOODBYE = framed(header(93, 0));
const CANARY_EVERY = 1_000;
const NOTE_EVERY = 50_000;
/** Of so many songs, half take at most this after bad frames (kafka-surface G.1), also where something else is built. */
const SONGS = 5;
const CANARY_MS_MAX = 1_000;
/** Long polls and joins wait for others; nobody comes. */
const TALK_MS_MAX = 100;

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
 * What the n-th connection says depends on the seed and n only.
 *
 * @throws Error naming the seed when the broker is gone or the canary is not served in time.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { port, seed, frameCount } = options;
  const requests = goldenRequests();
  const report = { frameCount: 0, connectionCount: 0, closedCount: 0, canaryMsMax: 0 };
  let singing = Promise.resolve();
  let nextCanary = CANARY_EVERY;
  const worker = async (): Promise<void> => {
    while (report.frameCount < frameCount) {
      const frames = talk(requests, seededPrng(seed * 1_000_003 + report.connectionCount++));
      report.frameCount += frames.length;
      if (await sendAll(port, frames)) report.closedCount++;
      if (report.frameCount >= nextCanary) {
        nextCanary += CANARY_EVERY;
        singing = singing.then(() => listen(options, report));
      }
      await singing;
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, worker));
  } catch (error) {
    const where = `seed ${seed}, connection ${report.connectionCount}`;
    throw new Error(`${where}: ${String(error)}`, { cause: error });
  }
  return report;
}

async function listen(
  { canary, note }: FuzzOptions,
  report: { frameCount: number; canaryMsMax: number },
): Promise<void> {
  const { medianMs: songMs } = await canary.sings(SONGS);
  report.canaryMsMax = Math.max(report.canaryMsMax, songMs);
  if (songMs > CANARY_MS_MAX) throw new Error(`the canary took ${songMs.toFixed(0)} ms`);
  if (report.frameCount % NOTE_EVERY < CANARY_EVERY) {
    note?.(`${report.frameCount} frames, canary at most ${report.canaryMsMax.toFixed(0)} ms`);
  }
}

/** Frames of which all but the last decode, so that the broker gets to see every one. */
function talk(requests: readonly Uint8Array[], random: Prng): Uint8Array[] {
  const frames: Uint8Array[] = [];
  while (frames.length < FRAMES_PER_CONNECTION) {
    const frame = mutant(requests, random);
    frames.push(frame);
    if (!decodes(frame)) break;
  }
  return frames;
}

/** Whether the broker closed by itself; frames that wait for others (long polls) are left after a while. */
async function sendAll(port: number, frames: readonly Uint8Array[]): Promise<boolean> {
  const peer = await Peer.open(port);
  peer.send(Buffer.concat([...frames.map((frame) => framed(frame)), GOODBYE]));
  let isLeft = false;
  const timer = setTimeout(() => {
    isLeft = true;
    peer.close();
  }, TALK_MS_MAX);
  await peer.closed();
  clearTimeout(timer);
  return !isLeft;
}
