import { renderMetrics, systemClock } from '@millrace/base';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RuntimeMetrics } from './runtime-metrics.ts';

let runtime: RuntimeMetrics;

beforeEach(() => {
  runtime = new RuntimeMetrics(systemClock);
});

afterEach(() => runtime.close());

const page = () => [...renderMetrics(runtime.families())].join('');
const numberOf = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page())?.[1]);

test('tells of the process and its engine', async () => {
  await vi.waitFor(() => expect(numberOf('process_resident_memory_bytes')).toBeGreaterThan(1e6));
  expect(numberOf('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(numberOf('nodejs_heap_size_used_bytes')).toBeGreaterThan(0);
  expect(page()).toContain(`nodejs_version_info{version="${process.version}"} 1\n`);
});

test('tells how late the event loop was', async () => {
  let most = 0;
  const standStill = () => {
    const untilMs = performance.now() + 100;
    while (performance.now() < untilMs);
  };
  await vi.waitFor(
    () => {
      page();
      most = Math.max(most, runtime.lagMaxSeconds);
      standStill();
      expect(most).toBeGreaterThan(0.05);
    },
    { timeout: 60_000 },
  );
});
