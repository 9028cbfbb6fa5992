/** Offsets by topic and partition, as a checkpoint file holds them. */
export type OffsetMap = Map<string, number>;

const VERSION = '0';
const QUOTED_MAX = 40;

/** A checkpoint file that is not what it should be: the broker refuses to start on it. */
export class CheckpointError extends Error {
  constructor(file: string, why: string) {
    super(`${file} is damaged: ${why}`);
    this.name = 'CheckpointError';
  }
}

/** The key of an offset: the name of the partition's directory. */
export function logNameOf(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** Topic and partition of a directory name; null when it is not one. */
export function parseLogName(name: string): { topic: string; partition: number } | null {
  const match = /^([a-zA-Z0-9._-]{1,249})-(0|[1-9]\d{0,9})$/.exec(name);
  if (match === null || match[1] === '.' || match[1] === '..') return null;
  const partition = Number(match[2]);
  if (partition > 0x7fffffff) return null;
  return { topic: match[1] as string, partition };
}

/**
 * Kafka's text form: `0`, the count, then `topic partition offset` per line. An empty file has no entries.
 * @throws CheckpointError when the version, the count or a line is wrong.
 */
export function parseCheckpoint(file: string, text: string): OffsetMap {
  const offsets: OffsetMap = new Map();
  if (text === '') return offsets;
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines[0] !== VERSION) throw new CheckpointError(file, `version ${quoted(lines[0])}`);
  const count = Number(lines[1]);
  if (!Number.isInteger(count) || count !== lines.length - 2) {
    const found = Math.max(0, lines.length - 2);
    throw new CheckpointError(file, `count ${quoted(lines[1])} with ${found} lines`);
  }
  for (const line of lines.slice(2)) {
    const match = /^(\S+) (\d+) (-?\d+)$/.exec(line);
    const offset = Number(match?.[3]);
    if (match === null || !Number.isSafeInteger(offset)) {
      throw new CheckpointError(file, `line ${quoted(line)}`);
    }
    offsets.set(logNameOf(match[1] as string, Number(match[2])), offset);
  }
  return offsets;
}

/** What a damaged file says, fit for a log line. */
function quoted(text = ''): string {
  return JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
}

/** The inverse of `parseCheckpoint`. */
export function formatCheckpoint(offsets: OffsetMap): string {
  const lines = [VERSION, String(offsets.size)];
  for (const [name, offset] of offsets) {
    const dash = name.lastIndexOf('-');
    lines.push(`${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}`);
  }
  return `${lines.join('\n')}\n`;
}
