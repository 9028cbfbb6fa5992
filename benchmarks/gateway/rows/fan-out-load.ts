/** What the fan-out rows have in common, so that their figures can be laid side by side. */

/** Bytes of a record's value. */
export const VALUE_BYTES = 124;
/** The latency of one message in so many is taken. */
export const SAMPLE_EVERY = 64;
/** How long the generator sleeps between two looks at its sockets, in microseconds. */
export const NAP_MICROS = 3_000;
