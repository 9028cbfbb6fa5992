import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineMetrics } from './define-metrics.ts';
import { Histogram } from './histogram.ts';
import { labelText, renderMetrics } from './metric-text.ts';

const SHARES = [0.5, 0.75, 0.95, 0.99, 1];

describe('Histogram', () => {
  it('is at most one percent off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), {
          minLength: 1,
          maxLength: 300,
        }),
        (values) => {
          const histogram = new Histogram();
          for (const value of values) histogram.record(value);
          const sorted = values.toSorted((a, b) => a - b);
          const found = histogram.quantiles(SHARES);
          for (const [at, share] of SHARES.entries()) {
            const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
            // Half a microsecond of rounding below the first octave, then relative.
            expect(Math.abs((found[at] as number) - exact)).toBeLessThanOrEqual(
              exact * 0.01 + 0.001,
            );
          }
          expect(histogram.count).toBe(values.length);
        },
      ),
    );
  });

  it('forgets what is older than two windows, but not how many there were', () => {
    const histogram = new Histogram();
    histogram.record(100);
    histogram.rotate();
    histogram.record(1);
    expect(histogram.quantiles([1])[0]).toBeCloseTo(100, -1);
    histogram.rotate();
    expect(histogram.quantiles([1])[0]).toBeCloseTo(1, 1);
    histogram.rotate();
    expect(histogram.quantiles([0.5, 1])).toEqual([0, 0]);
    expect(histogram.count).toBe(2);
    expect(histogram.sum).toBe(101);
  });

  it('takes nonsense without harm', () => {
    const histogram = new Histogram();
    for (const value of [-1, 0, 1e300, Number.POSITIVE_INFINITY]) histogram.record(value);
    const [low, high] = histogram.quantiles([0.25, 1]);
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

  it('shows seconds of what was recorded in milliseconds', () => {
    const seconds = defineMetrics({
      wait: { name: 'wait_seconds', type: 'distribution', sentence: 'Wait.', divisor: 1000 },
    });
    const metrics = seconds.create();
    metrics.families.wait.with().record(0.25);
    const [, shown] = /wait_seconds\{quantile="0.50"\} (\S+)/.exec(
      [...renderMetrics(metrics.rendered())].join(''),
    ) as RegExpExecArray;
    expect(Number(shown)).toBeCloseTo(0.00025, 5);
    expect(Number(shown)).toBeGreaterThan(0);
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
