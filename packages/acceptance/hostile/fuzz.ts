import type { Prng } from '@millrace/base';
import { type BarrageReport, barrage } from './barrage.ts';
import type { Canary } from './canary.ts';
import { decodes, goldenRequests, mutant } from './mutations.ts';
import { framed, header, Peer } from './peer.ts';

/** A connection ends with its first frame that is no request, or here. */
const FRAMES_PER_CONNECTION = 16;
const CONNECTIONS_AT_ONCE = 60;
/** An api nobody serves: what came before is answered, then the broker closes. */
const GOODBYE = framed(header(93, 0));
const NOTE_EVERY = 50_000;
const SONGS = 5;
/** What half of the songs take at most after bad frames, on a machine that does other things and pauses. */
const CANARY_MS_MAX = 10_000;
/** Long polls and joins wait for others; nobody comes. */
const TALK_MS_MAX = 100;

export interface FuzzOptions {
  readonly port: number;
  readonly canary: Canary;
  readonly seed: number;
  readonly frameCount: number;
  readonly note?: (text: string) => void;
}

/**
 * Sends golden requests with something wrong to a live broker, and lets the canary sing.
 *
 * @throws Error naming the seed when the broker is gone or the canary is not served in time.
 */
export function fuzz({
  port,
  canary,
  seed,
  frameCount,
  note,
}: FuzzOptions): Promise<BarrageReport> {
  const requests = goldenRequests();
  let nextNote = NOTE_EVERY;
  return barrage({
    ...{ seed, connectionsAtOnce: CONNECTIONS_AT_ONCE, messageCount: frameCount },
    talk: async (random) => {
      const frames = framesOf(requests, random);
      return { sent: frames.length, isEnded: await sendAll(port, frames) };
    },
    sing: async () => (await canary.sings(SONGS)).medianMs,
    canaryMsMax: CANARY_MS_MAX,
    note: ({ messageCount, canaryMsMax }) => {
      if (messageCount < nextNote) return;
      nextNote += NOTE_EVERY;
      note?.(`${messageCount} frames, canary at most ${canaryMsMax.toFixed(0)} ms`);
    },
  });
}

/** Frames of which all but the last decode, so that the broker gets to see every one. */
function framesOf(requests: readonly Uint8Array[], random: Prng): Uint8Array[] {
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
