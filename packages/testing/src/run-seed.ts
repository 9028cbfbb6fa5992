/** What CI draws from; any number would do. */
export const CI_SEED = 19_912;
export const isCi = process.env.CI === 'true';

/**
 * Seed of a run that chance decides: in CI always the same one, so that a commit gets the same verdict twice;
 * elsewhere another one each time. Whoever uses it prints it.
 */
export function runSeed(): number {
  return isCi ? CI_SEED : process.pid;
}
