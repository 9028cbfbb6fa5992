import { type ConfigValues, defineConfig } from '@millrace/base';
import { authRows } from './rows/auth.ts';
import { deliveryRows } from './rows/delivery.ts';
import { kafkaRows } from './rows/kafka.ts';
import { limitRows } from './rows/limits.ts';
import { networkRows } from './rows/network.ts';
import { publishRows } from './rows/publish.ts';

/** Every setting of the gateway (§20). */
export const gatewayConfigs = defineConfig('Gateway configs', {
  ...networkRows,
  ...limitRows,
  ...kafkaRows,
  ...deliveryRows,
  ...publishRows,
  ...authRows,
});

/** The settings in force, typed: `gateway.ring.total.bytes` is `ringTotalBytes`. Durations in ms. */
export type GatewayConfig = ConfigValues<typeof gatewayConfigs.rows>;
