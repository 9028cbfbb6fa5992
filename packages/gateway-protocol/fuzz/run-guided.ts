// Reads messages that are changed towards code which nothing reached yet: both subprotocols, filters, resume tokens
// and packed records.
//
//   node --conditions=@millrace/source packages/gateway-protocol/fuzz/run-guided.ts [--seconds 60] [--seed 1]
import { runGuided } from './guided-program.ts';

await runGuided('/packages/gateway-protocol/src/', async () =>
  (await import('./targets.ts')).protocolTargets(),
);
