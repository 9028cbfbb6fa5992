import { expect, test } from 'vitest';
import { Child, runProgram } from './child.ts';

test('finds what a program says, also when it ends right after', async () => {
  const child = new Child(process.execPath, ['-e', 'console.log("port 17")']);
  expect((await child.saying(/port (\d+)/, 60_000))[1]).toBe('17');
});

test('a program that ends without saying it is an error with all it said', async () => {
  const child = new Child(process.execPath, ['-e', 'console.error("sorry"); process.exit(3)']);
  await expect(child.saying(/port/, 60_000)).rejects.toThrow(/ended \(3\) before.*sorry/s);
});

test('nothing goes on waiting for a program that has ended', async () => {
  const source = new URL('./child.ts', import.meta.url).href;
  const program = `
    const { Child } = await import(${JSON.stringify(source)});
    await new Child(process.execPath, ['-e', '']).saying(/never/, 600_000).catch(() => {});
  `;
  // It ends by itself, or is killed and fails.
  await runProgram(process.execPath, ['--input-type=module', '-e', program]);
});
