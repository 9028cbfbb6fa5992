// Vitest's set-up: in CI generated tests draw from one seed, so that a commit gets the same verdict twice. Elsewhere each
// run has its own, which a failure prints.
import { CI_SEED, isCi } from '../packages/testing/src/run-seed.ts';

if (isCi) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: CI_SEED });
}
