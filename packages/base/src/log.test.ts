import { describe, expect, it } from 'vitest';
import { createLogger } from './log.ts';
import { ManualClock } from './manual-clock.ts';

function harness(level: 'debug' | 'info' | 'warn' = 'info') {
  const lines: string[] = [];
  const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6));
  const log = createLogger({ level, clock, sink: (line) => lines.push(line) });
  return { lines, clock, log };
}

describe('createLogger', () => {
  it('writes one line per event with its fields', () => {
    const { lines, log } = harness();
    log.child({ dir: '/data' }).info('log opened', { topic: 'a b', count: 3, gone: undefined });
    expect(lines).toEqual([
      '2026-01-02T03:04:05.006Z INFO log opened dir=/data topic="a b" count=3',
    ]);
  });

  it('lets no value forge a line', () => {
    const { lines, log } = harness();
    log.warn('bad\nINFO forged', { client: 'x\n2026 ERROR forged="1"' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('\n');
    expect(lines[0]).toContain(String.raw`client="x\n2026 ERROR forged=\"1\""`);
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = harness('warn');
    log.info('no');
    log.error('yes');
    expect(lines).toHaveLength(1);
  });

  it('says a limited warning once a minute and then how many it kept back', () => {
    const { lines, clock, log } = harness();
    for (let i = 0; i < 5; i++) log.warnLimited('a', 'peer misbehaves');
    log.warnLimited('b', 'another');
    expect(lines).toHaveLength(2);
    clock.advance(60_000);
    log.warnLimited('a', 'peer misbehaves');
    expect(lines[2]).toContain('suppressed=4');
  });

  it('remembers a bounded number of keys', () => {
    const { lines, log } = harness();
    for (let i = 0; i < 5000; i++) log.warnLimited(`peer ${i}`, 'hello');
    expect(lines.length).toBeLessThanOrEqual(1001);
  });
});
