// What the runner tells a script, and how a script spreads its sockets.

/** `ws://…` of each gateway. */
export const URLS = (__ENV.URLS ?? 'ws://127.0.0.1:8089/v1/ws').split(',');
export const TOPIC = __ENV.TOPIC ?? 'k6';
/** 1 = as the table in the README says. */
const SCALE = Number(__ENV.SCALE ?? '1');
export const isFull = SCALE >= 1;
const SOCKETS_PER_USER = 450;

/** A number of sockets or keys, scaled. */
export const scaled = (count) => Math.max(1, Math.round(count * SCALE));

/** How long the load of this run lasts. */
export const SECONDS = Number(__ENV.SECONDS ?? '60');

/** A scenario of one long iteration of `exec` in each user; the sockets are spread over the users. */
export function users(sockets, exec) {
  const vus = Math.max(1, Math.ceil(sockets / SOCKETS_PER_USER));
  return {
    executor: 'per-vu-iterations',
    vus,
    iterations: 1,
    maxDuration: `${Math.ceil(SECONDS) + 30}s`,
    exec,
    env: { SOCKETS: String(Math.ceil(sockets / vus)) },
  };
}

/** How many sockets this user opens. */
export const mySockets = () => Number(__ENV.SOCKETS);

/** One socket in twenty is looked into; of the others only bytes are counted. */
export const isSampled = (index) => index % 20 === 0;

export function keyName(index) {
  return `k${String(index).padStart(5, '0')}`;
}
