// Messages to the gateway's sessions, and tokens, changed towards code which nothing reached yet.
//
//   node --conditions=@millrace/source services/gateway/fuzz/run-guided.ts [--seconds 60] [--seed 1]
import { runGuided } from '../../../packages/gateway-protocol/fuzz/guided-program.ts';

await runGuided('/services/gateway/src/', async () => {
  const { sessionTargets } = await import('./session-target.ts');
  const { tokenTarget } = await import('./token-target.ts');
  return [...sessionTargets(), tokenTarget()];
});
