import type { HeaderField } from '@millrace/gateway-protocol';
import type { RecordHeader } from '@millrace/records';

/** The headers that clients may see (§19.12): not the gateway's own, not internal ones, no credentials. */
export function visibleHeaders(headers: readonly RecordHeader[]): HeaderField[] {
  const visible: HeaderField[] = [];
  for (const { key, value } of headers) if (!isHidden(key)) visible.push({ name: key, value });
  return visible;
}

function isHidden(name: string): boolean {
  const lower = name.toLowerCase();
  return (
    lower.startsWith('__') ||
    lower.startsWith('x-gw-') ||
    lower === 'authorization' ||
    lower === 'cookie'
  );
}
