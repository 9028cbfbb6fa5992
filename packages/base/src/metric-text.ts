/** A family as the text format has it: header lines, then its samples. */
export interface RenderedFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly sentence: string;
  /** Whole lines with their line ends. */
  lines(): Iterable<string>;
}

/** Longest label value; the rest gives way to a hash of the whole. */
const MAX_LABEL_BYTES = 256;

/** `{a="x",b="y"}`, or nothing without labels. */
export function labelText(pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return '';
  return `{${pairs.map(([name, value]) => `${name}="${escapedLabel(value)}"`).join(',')}}`;
}

/** A number as the text format writes it. */
export function metricNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

/** How metrics are written: Prometheus's text format 0.0.4, or OpenMetrics 1.0.0. */
export type MetricFormat = 'prometheus' | 'openmetrics';

const TOTAL = '_total';

/**
 * Families in the order of their names, each with one HELP and one TYPE line. Pieces are whole lines; the
 * caller may pause between any two.
 */
export function* renderMetrics(
  families: Iterable<RenderedFamily>,
  format: MetricFormat = 'prometheus',
): Iterable<string> {
  const sorted = [...families].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const family of sorted) {
    const { name, type } = format === 'prometheus' ? family : openMetricsHead(family);
    yield `# HELP ${name} ${escapedHelp(family.sentence)}\n# TYPE ${name} ${type}\n`;
    yield* family.lines();
  }
  if (format === 'openmetrics') yield '# EOF\n';
}

/** OpenMetrics names a counter without the ending of its samples, and knows no counter without that ending. */
function openMetricsHead({ name, type }: RenderedFamily): { name: string; type: string } {
  if (name.endsWith(TOTAL)) {
    return type === 'counter'
      ? { name: name.slice(0, -TOTAL.length), type }
      : { name, type: 'unknown' };
  }
  return { name, type: type === 'counter' ? 'unknown' : type };
}

function escapedLabel(value: string): string {
  return shortened(value.toWellFormed())
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n');
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function shortened(value: string): string {
  if (value.length * 3 <= MAX_LABEL_BYTES) return value;
  const bytes = new TextEncoder().encode(value);
  if (bytes.length <= MAX_LABEL_BYTES) return value;
  const kept = new TextDecoder().decode(bytes.subarray(0, MAX_LABEL_BYTES)).replace(/\uFFFD+$/, '');
  return `${kept}…${hash(bytes).toString(16).padStart(8, '0')}`;
}

/** FNV-1a: tells long values apart, no more. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
