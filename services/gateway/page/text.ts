const utf8 = new TextDecoder('utf-8', { fatal: true });
const HEX_BYTES_MAX = 4096;
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat('en');

/** Bytes as a person reads them: text where they are text, else hexadecimal digits. */
export function bytesText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    const shown = Array.from(bytes.subarray(0, HEX_BYTES_MAX), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join(' ');
    return bytes.length > HEX_BYTES_MAX ? `${shown} … (${bytes.length} bytes)` : shown;
  }
}

/** The same, with JSON laid out. */
export function prettyText(bytes: Uint8Array): string {
  const text = bytesText(bytes);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** 1,234 or 12.3K. */
export function countText(count: number): string {
  return count < 10_000 ? plain.format(Math.round(count)) : compact.format(count);
}

export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  return `${compact
    .format(bytes)
    .replace(/([KMBT])$/, ' $1')
    .replace('K', 'k')
    .replace(/ B$/, ' G')}B`;
}

/** Date and time, ISO 8601. */
export function dateText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? noDate(ms) : time.toISOString();
}

/** A publisher may say times beyond the last date there is. */
function noDate(ms: number): string {
  return `no date: ${ms} ms`;
}

/** Time of day with milliseconds; the date as well when it is another day. */
export function timeText(ms: number, nowMs: number): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime())) return noDate(ms);
  const clock = `${time.toLocaleTimeString('en-GB')}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  const isToday = time.toDateString() === new Date(nowMs).toDateString();
  return isToday ? clock : `${time.toLocaleDateString('en-CA')} ${clock}`;
}
