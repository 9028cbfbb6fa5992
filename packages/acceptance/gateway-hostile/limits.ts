/** Settings of a gateway that everybody reaches from one address, many times a second. */
export const GENEROUS_LIMITS: readonly string[] = [
  'gateway.handshakes.per.second=100000',
  'gateway.handshakes.per.address=100000',
  'gateway.connections.per.address=10000',
  'gateway.connections.per.principal=10000',
  'gateway.connections.unauthenticated.max=10000',
];
