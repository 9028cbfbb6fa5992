// 5,000 sockets whose gateway is killed again and again; each goes on exactly where it was.
import { Trend } from 'k6/metrics';
import { subscribers } from '../lib/gateway-client.js';
import { mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

const backMs = new Trend('gw_back_ms', true);

export const options = {
  scenarios: { storm: users(scaled(5000), 'storm') },
  thresholds: thresholds({ gw_resume_exact: ['rate==1'], gw_back_ms: ['max<5000'] }),
};

export function storm() {
  subscribers(mySockets(), SECONDS, () => {
    let lostAt = 0;
    return {
      ...{ topic: TOPIC, reconnect: URLS, measure: false },
      onClose: () => {
        lostAt ||= Date.now();
      },
      onReady: () => {
        if (lostAt > 0) backMs.add(Date.now() - lostAt);
        lostAt = 0;
      },
    };
  });
}
