import { createLogger, ManualClock } from '@millrace/base';
import { expect, test, vi } from 'vitest';
import { AcceptQueue } from './accept-queue.ts';
import { readGatewayConfig } from './config/read-config.ts';
import { loadListenerOptions } from './listener-options.ts';
import { createGatewayMetrics } from './metrics.ts';

vi.mock('@millrace/engine', () => {
  throw new Error('there is no native core for this machine');
});

test('C49: without the native core there is a warning, and the metric says 0', async () => {
  const lines: string[] = [];
  const log = createLogger({ sink: (line) => void lines.push(line) });
  const metrics = createGatewayMetrics().families;
  metrics.listenerOptionsApplied.with().set(1);
  const config = readGatewayConfig({ overrides: ['gateway.auth.mode=none'] });
  const acceptQueue = new AcceptQueue(new ManualClock(), log);
  const applyTo = await loadListenerOptions({ config, metrics, log }, acceptQueue);
  expect(metrics.listenerOptionsApplied.with().value).toBe(1);
  // In the turn in which the socket listens, not later.
  applyTo(1);
  expect(metrics.listenerOptionsApplied.with().value).toBe(0);
  expect(lines.join()).toMatch(/WARN slow readers may take more kernel memory/);
});
