import type { GatewayProcess } from './gateway-process.ts';

/** An answer of the listener for operators. */
export function adminFetch(gateway: GatewayProcess, path: string): Promise<Response> {
  const [, url] = /health and metrics are on (\S+)/.exec(gateway.output) ?? [];
  if (url === undefined) throw new Error(`the gateway did not say where: ${gateway.output}`);
  return fetch(`${url}${path}`);
}

/** The value of a series, by its name without prefix, and its labels; 0 when there is none. */
export async function gatewayMetric(gateway: GatewayProcess, series: string): Promise<number> {
  const lines = (await (await adminFetch(gateway, '/metrics')).text()).split('\n');
  const line = lines.find((one) => one.startsWith(`millrace_gateway_${series} `));
  return Number(line?.slice(line.lastIndexOf(' ')) ?? 0);
}
