import { renderMetrics } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { TopicMeters } from './topic-meters.ts';

function page(meters: TopicMeters): string {
  return [...renderMetrics(meters.rendered())].join('');
}

describe('meters of topics', () => {
  it('know listed topics only', () => {
    const meters = new TopicMeters((topic) => topic === 'orders');
    expect(meters.of('secret')).toBeNull();
    meters.of('orders')?.delivered(1, 3, 100);
    meters.of('orders')?.gap('retention');
    meters.of('orders')?.published('0', 2);
    meters.of('orders')?.lag.record(20);
    const text = page(meters);
    expect(text).toContain('topic_records_delivered_total{topic="orders",path="cold"} 3\n');
    expect(text).toContain('topic_bytes_out_total{topic="orders"} 100\n');
    expect(text).toContain('topic_gaps_total{topic="orders",reason="retention"} 1\n');
    expect(text).toContain('topic_publishes_total{topic="orders",code="0"} 2\n');
    expect(text).toContain('topic_delivery_lag_seconds_bucket{topic="orders",le="0.025"} 1\n');
    expect(text).not.toContain('secret');
  });

  it('count topics beyond their bound together', () => {
    const meters = new TopicMeters(() => true);
    for (let at = 0; at < 1100; at++) meters.of(`t${at}`)?.delivered(0, 1, 10);
    const text = page(meters);
    expect(text).toContain('topic_bytes_out_total{topic="t999"} 10\n');
    expect(text).toContain('topic_bytes_out_total{topic="__other__"} 1000\n');
    expect(text).not.toContain('"t1000"');
  });
});
