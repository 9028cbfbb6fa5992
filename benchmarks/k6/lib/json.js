// The JSON subprotocol, as far as the json script needs it: the same frames as in frames.js, offsets as numbers.
import { bytesOf } from './frames.js';

const LONGS = ['fromOffset', 'nextOffset', 'offset', 'toOffset', 'startOffset', 'sentMs'];

export function encodeJson({ kind, ...fields }) {
  const out = { t: kind };
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    out[name] = LONGS.includes(name) || name === 'receivedMs' ? String(Math.floor(value)) : value;
  }
  return JSON.stringify(out);
}

export function decodeJson(message) {
  return message.split('\n').map((line) => {
    const { t: kind, ...fields } = JSON.parse(line);
    if (kind === 'records') return recordsOf(fields);
    if (fields.streams !== undefined) fields.streams = fields.streams.map(withNumbers);
    return { kind, ...withNumbers(fields) };
  });
}

function withNumbers(fields) {
  const out = { ...fields };
  for (const name of LONGS) if (out[name] !== undefined) out[name] = Number(out[name]);
  return out;
}

function recordsOf({ from, next, flags, records }) {
  return {
    kind: 'records',
    fromOffset: Number(from),
    nextOffset: Number(next),
    count: records.length,
    flags: flags.includes('conflated') ? 8 : 0,
    part: 0,
    parts: 1,
    list: records,
  };
}

export function eachJsonRecord({ list }, visit) {
  for (const { o, k, v } of list) visit(Number(o), bytesOrNull(k), bytesOrNull(v));
}

function bytesOrNull(value) {
  return typeof value === 'string' ? bytesOf(value) : null;
}
