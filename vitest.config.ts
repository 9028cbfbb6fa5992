import { defineConfig } from 'vitest/config';

// Workspace packages are read from their sources, so that tests need no build.
const conditions = ['@millrace/source', 'node', 'import', 'module', 'default'];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};
const common = {
  setupFiles: ['scripts/ci-seed.ts'],
  // A machine may be busy with something else: no wait of a test ends before it is clear that nothing will come.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 30_000 } },
};
const folders = [
  'packages/*/src/**',
  'services/*/src/**',
  'services/*/page',
  'scripts/**',
  'benchmarks/**',
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: folders.map((folder) => `${folder}/*.test.ts`),
          exclude: ['**/node_modules/**', '**/dist/**', '**/*.int.test.ts'],
          ...common,
        },
      },
      {
        ...shared,
        test: {
          // These start processes and watch clocks: one file at a time, so that two cores are theirs.
          name: 'int',
          include: folders.map((folder) => `${folder}/*.int.test.ts`),
          exclude: ['**/node_modules/**', '**/dist/**'],
          execArgv: ['--conditions=@millrace/source'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          ...common,
        },
      },
    ],
  },
});
