import { GapReason, jsonRecords, type RecordsHeader } from '@millrace/gateway-protocol';
import { dataPacket, type FrameContent, gapPacket, stepPacket } from './new-packet.ts';
import { type Packet, PacketKind } from './packet.ts';

/** Packed records as JSON text, cut at record boundaries; records too long for text are steps without a frame (§7). */
export function textPackets(header: RecordsHeader, content: FrameContent): Packet {
  const steps = jsonRecords(header, content.payload).map((piece): Packet => {
    const { from, next } = piece;
    if (piece.kind === 'text') {
      const part = { ...content, from, next, count: piece.count };
      return dataPacket(part, piece.bytes, piece.bytes.length);
    }
    if (piece.kind === 'oversize') return gapPacket(from, next, GapReason.OVERSIZE, content.epoch);
    return stepPacket(PacketKind.progress, from, next, content.epoch, content.path);
  });
  for (let i = 0; i + 1 < steps.length; i++) {
    (steps[i] as Packet).following = steps[i + 1] as Packet;
  }
  return steps[0] as Packet;
}
