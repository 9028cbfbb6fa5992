import { renderMetrics } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { createGatewayMetrics, gatewayMetrics } from './metrics.ts';

/** Names and labels of the protocol's §14 and §21, by type. */
const DOCUMENTED = {
  counter: `connections_opened_total connections_closed_total{code} handshakes_rejected_total{reason} frames_in_total{kind}
    frames_rejected_total{check} frames_out_total{kind} bytes_out_total writes_total records_delivered_total{path}
    gaps_total{reason} outcomes_total{outcome} socket_dropped_total frames_encoded_total frames_shared_total
    cold_fetches_total cold_bytes_total publishes_total{code} commits_total{code} auth_total{result} goaways_total{code}
    slow_total{policy} ring_evictions_total`,
  gauge: `connections{state} streams{state,overlay} feeds ring_bytes stalled_connections token_cache_entries
    event_loop_lag_seconds draining unsent_bytes unsent_bytes_max control_lane_bytes listener_options_applied
    kernel_unsent_bytes connection_state_bytes filter_classes match_list_bytes cold_cache_bytes conflate_keys
    conflate_bytes publish_inflight_bytes producer_sessions memory_budget_ratio`,
  histogram: `tick_seconds records_per_write bytes_per_write delivery_lag_seconds cursor_lag_records hello_seconds
    publish_seconds verify_seconds`,
};

describe('metrics of the gateway', () => {
  it.each(Object.entries(DOCUMENTED))('are each documented %s', (type, names) => {
    const rows = Object.values(gatewayMetrics.rows).filter((row) => row.type === type);
    const shown = rows.map(({ name, ...row }) => {
      const labels: readonly string[] = 'labels' in row ? row.labels : [];
      return `${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`}`;
    });
    const documented = names.split(/\s+/).map((name) => `millrace_gateway_${name}`);
    expect(shown.toSorted()).toEqual(documented.toSorted());
  });

  it('are there from the start where they have no labels, but what only the system can tell', () => {
    const page = [...renderMetrics(createGatewayMetrics().rendered())].join('');
    for (const { name, ...row } of Object.values(gatewayMetrics.rows)) {
      const isShown = !('labels' in row) && !name.endsWith('kernel_unsent_bytes');
      expect(page.includes(`# TYPE ${name} `), name).toBe(isShown);
    }
    expect(page).toContain('millrace_gateway_socket_dropped_total 0\n');
  });

  it('count what is recorded in milliseconds as seconds, in buckets', () => {
    const { families, rendered } = createGatewayMetrics();
    families.hello.with().record(7);
    const page = [...renderMetrics(rendered())].join('');
    expect(page).toContain('# TYPE millrace_gateway_hello_seconds histogram\n');
    expect(page).toContain('millrace_gateway_hello_seconds_bucket{le="0.005"} 0\n');
    expect(page).toContain('millrace_gateway_hello_seconds_bucket{le="0.01"} 1\n');
    expect(page).toContain('millrace_gateway_hello_seconds_sum 0.007\n');
  });

  it('name a topic only where it is listed', () => {
    const { families, rendered } = createGatewayMetrics((topic) => topic === 'open.a');
    families.ofTopic('open.a')?.gap('retention');
    expect(families.ofTopic('closed')).toBeNull();
    const page = [...renderMetrics(rendered())].join('');
    expect(page).toContain(
      'millrace_gateway_topic_gaps_total{topic="open.a",reason="retention"} 1\n',
    );
  });
});
