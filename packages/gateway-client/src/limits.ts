// Every bound of the SDK, each with its reason. Bytes, counts and milliseconds.

/** The protocol's default for one subscription: some blocks ahead of the consumer. */
export const SUBSCRIPTION_WINDOW_BYTES = 256 * 1024;

/**
 * The most the protocol allows for a connection: 64 subscriptions with their default windows. A
 * smaller one would let a subscription that nobody reads starve the others.
 */
export const CONNECTION_WINDOW_BYTES = 16 << 20;

/** Finished bytes go back when they are this share of the window, or after this time (protocol §8). */
export const CREDIT_SHARE = 0.25;
export const CREDIT_DELAY_MS = 50;

/** Progress merges, so only a broken server gets there; a window of the smallest blocks does not. */
export const DELIVERY_ITEMS_MAX = 65_536;

/** How long an attempt may be silent, until its socket opens and from then to Welcome; the gateway gives Hello 5 s. */
export const PATIENCE_MS = 10_000;
/**
 * It doubles with every attempt that is given up, to at most this. With a fixed one, clients that all come at once would begin
 * their attempts anew faster than a gateway without CPU can answer any, for ever.
 */
export const PATIENCE_MS_MAX = 80_000;
/** Next time an attempt may take so many times as long as the one that came through. */
export const PATIENCE_FACTOR = 3;

/**
 * Silent for this share of the patience, up to twice as long by chance, the next gateway is asked as well: 1.5 s at first. Long
 * for a handshake, and a storm of clients that all wait does not double itself at once.
 */
export const RACE_SHARE = 0.15;

/** Reconnect delays (protocol §17). */
export const BACKOFF_BASE_MS = 250;
export const BACKOFF_CAP_MS = 20_000;
/** A connection that lived this long was a good one: the waits begin small again. */
export const STABLE_AFTER_MS = 5_000;
/** However often the network comes and goes. */
export const ATTEMPT_EVERY_MS = 1_000;
/** A server may ask for a pause before the next attempt, but not for silence. */
export const SERVER_DELAY_MS_MAX = 300_000;

/** What is found apart joins the rest after this: as long as the gateway itself waits for others (`SUBSCRIBED_WAIT_MS`). */
export const JOIN_AFTER_MS = 250;

/** A timer may fire early by the clock, which some browsers make coarse on purpose: up to this. */
export const EARLY_TIMER_MS = 100;

/** A timer that fires this late was held up by a sleeping machine or a hidden page. */
export const LATE_TIMER_MS = 2_000;

/** What Welcome may say about the heartbeat; beyond it a dead connection would never be noticed. */
export const PING_INTERVAL_MS_MAX = 600_000;

/** A refused Unsubscribe is said again after this, or later when the gateway says so. */
export const UNSUBSCRIBE_AGAIN_MS = 250;

/** One client Ping a second is allowed. */
export const PING_EVERY_MS = 1_000;

/** Bytes of records that wait for publish credit or a connection. */
export const PUBLISH_QUEUE_BYTES_MAX = 16 << 20;

/** What a waiting record costs beside its own bytes. */
export const PUBLISH_ENTRY_BYTES = 64;

/** How long `close` waits for publishes that have no outcome yet. */
export const CLOSE_TIMEOUT_MS = 10_000;

/** How often a resume token is written to the store while blocks are finished. */
export const SAVE_EVERY_MS = 1_000;

/** The page shows the close reason to nobody, and WebSocket takes at most 123 bytes. */
export const CLOSE_REASON_CHARS_MAX = 100;
