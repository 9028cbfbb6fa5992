// Vitest's set-up: in CI generated tests draw from one seed, so that a commit gets the same verdict twice. Elsewhere each
// run has its own, which a failure prints.
if (process.env.CI === 'true') {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: 19_912 });
}
