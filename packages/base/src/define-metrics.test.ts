import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineMetrics } from './define-metrics.ts';
import { Distribution } from './distribution.ts';
import { labelText, renderMetrics } from './metric-text.ts';

const SHARES = [0.5, 0.75, 0.95, 0.99, 1];

describe('Distribution', () => {
  it('is at most one percent off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), {
          minLength: 1,
          maxLength: 300,
        }),
        (values) => {
          const distribution = new Distribution();
          for (const value of values) distribution.record(value);
          const sorted = values.toSorted((a, b) => a - b);
          const found = distribution.quantiles(SHARES);
          for (const [at, share] of SHARES.entries()) {
            const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
            // Half a microsecond of rounding below the first octave, then relative.
            expect(Math.abs((found[at] as number) - exact)).toBeLessThanOrEqual(
              exact * 0.01 + 0.001,
            );
          }
          expect(distribution.count).toBe(values.length);
        },
      ),
    );
  });

  it('forgets what is older than two windows, but not how many there were', () => {
    const distribution = new Distribution();
    distribution.record(100);
    distribution.rotate();
    distribution.record(1);
    expect(distribution.quantiles([1])[0]).toBeCloseTo(100, -1);
    distribution.rotate();
    expect(distribution.quantiles([1])[0]).toBeCloseTo(1, 1);
    distribution.rotate();
    expect(distribution.quantiles([0.5, 1])).toEqual([0, 0]);
    expect(distribution.count).toBe(2);
    expect(distribution.sum).toBe(101);
  });

  it('takes nonsense without harm', () => {
    const distribution = new Distribution();
    for (const value of [-1, 0, 1e300, Number.POSITIVE_INFINITY]) distribution.record(value);
    const [low, high] = distribution.quantiles([0.25, 1]);
    expect(low).toBe(0);
    expect(high).toBeGreaterThan(2e6);
  });
});

const table = defineMetrics({
  requests: { name: 'requests_total', type: 'counter', labels: ['api'], sentence: 'Requests.' },
  size: { name: 'size', type: 'gauge', sentence: 'How \\large\nit is.' },
  time: { name: 'time_ms', type: 'distribution', labels: ['api'], sentence: 'Time.', maxSeries: 2 },
});

function page(metrics: ReturnType<typeof table.create>): string {
  return [...renderMetrics(metrics.rendered())].join('');
}

describe('defineMetrics', () => {
  it('renders families sorted, each with one HELP and one TYPE', () => {
    const metrics = table.create();
    metrics.families.size.with().set(1.5);
    metrics.families.requests.with('b"\\\n').add(2);
    metrics.families.requests.with('a').add();
    expect(page(metrics)).toBe(
      [
        '# HELP requests_total Requests.',
        '# TYPE requests_total counter',
        String.raw`requests_total{api="b\"\\\n"} 2`,
        'requests_total{api="a"} 1',
        String.raw`# HELP size How \\large\nit is.`,
        '# TYPE size gauge',
        'size 1.5',
        '',
      ].join('\n'),
    );
  });

  it('renders OpenMetrics: counters lose their ending in the head, or are unknown, and the end is marked', () => {
    const metrics = table.create();
    metrics.families.requests.with('a').add();
    metrics.families.time.with('x').record(1);
    const text = [...renderMetrics(metrics.rendered(), 'openmetrics')].join('');
    expect(text).toContain('# TYPE requests counter\nrequests_total{api="a"} 1\n');
    expect(text).toContain('# TYPE time_ms gauge\n');
    expect(text).toContain('# TYPE time_ms_count unknown\ntime_ms_count{api="x"} 1\n');
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });

  it('renders a distribution as quantiles and a count', () => {
    const metrics = table.create();
    for (let i = 1; i <= 1000; i++) metrics.families.time.with('x').record(i);
    const text = page(metrics);
    expect(text).toMatch(/# TYPE time_ms gauge\ntime_ms\{api="x",quantile="0.50"\} 50\d/);
    expect(text).toMatch(/time_ms\{api="x",quantile="0.999"\} (99|100)\d/);
    expect(text).toContain('# TYPE time_ms_count counter\ntime_ms_count{api="x"} 1000\n');
  });

  it('renders a histogram as Prometheus has it: cumulative buckets, a sum, a count', () => {
    const metrics = defineMetrics({
      wait: {
        name: 'wait_seconds',
        type: 'histogram',
        labels: ['by'],
        sentence: 'Wait.',
        buckets: [0.001, 0.01, 1],
        divisor: 1000,
      },
    }).create();
    for (const ms of [0, 1, 1.1, 10, 999, 1001, 60_000]) metrics.families.wait.with('x').record(ms);
    expect([...renderMetrics(metrics.rendered())].join('')).toBe(
      [
        '# HELP wait_seconds Wait.',
        '# TYPE wait_seconds histogram',
        'wait_seconds_bucket{by="x",le="0.001"} 2',
        'wait_seconds_bucket{by="x",le="0.01"} 4',
        'wait_seconds_bucket{by="x",le="1"} 5',
        'wait_seconds_bucket{by="x",le="+Inf"} 7',
        'wait_seconds_sum{by="x"} 62.0121',
        'wait_seconds_count{by="x"} 7',
        '',
      ].join('\n'),
    );
    const open = [...renderMetrics(metrics.rendered(), 'openmetrics')].join('');
    expect(open).toContain('# TYPE wait_seconds histogram\n');
    expect(metrics.families.wait.with('x').count).toBe(7);
  });

  it('refuses buckets that are missing, unneeded, out of order or too many', () => {
    const row = { name: 'a', type: 'histogram', sentence: '' } as const;
    const many = Array.from({ length: 25 }, (_, at) => at);
    for (const buckets of [[2, 1], [1, 1], many]) {
      expect(() => defineMetrics({ a: { ...row, buckets } })).toThrow('buckets of a');
    }
    expect(() => defineMetrics({ a: row })).toThrow('buckets of a');
    expect(() => defineMetrics({ a: { ...row, type: 'gauge', buckets: [1] } })).toThrow('buckets');
  });

  it('folds series beyond the cap and drops those whose object is gone', () => {
    const metrics = table.create();
    for (const api of ['a', 'b', 'c', 'd']) metrics.families.time.with(api).record(1);
    expect(page(metrics)).toContain('time_ms_count{api="__other__"} 2');
    metrics.families.time.drop('a');
    expect(page(metrics)).not.toContain('api="a"');
  });

  it('makes metrics that do not know of one another', () => {
    table.create().families.size.with().set(9);
    expect(page(table.create())).toBe('');
  });

  it('refuses a name that is no metric name', () => {
    expect(() => defineMetrics({ a: { name: 'a-b', type: 'gauge', sentence: '' } })).toThrow('a-b');
  });

  it('cuts long label values and tells them apart', () => {
    const one = labelText([['topic', 'x'.repeat(300)]]);
    const two = labelText([['topic', `${'x'.repeat(299)}y`]]);
    expect(one.length).toBeLessThan(300);
    expect(one).not.toBe(two);
    expect(labelText([['bad', '\ud800']])).toBe('{bad="\ufffd"}');
  });
});
