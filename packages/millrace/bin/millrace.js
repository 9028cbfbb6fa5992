#!/usr/bin/env node
import module from 'node:module';

// Plain JavaScript that any Node can read: an old one gets a sentence instead of a syntax error. What V8
// compiled is kept on disk between starts.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(
    `millrace: needs Node 22.15 or newer, this is ${process.versions.node}. Install it with: npm install -g node@22\n`,
  );
  process.exitCode = 1;
} else {
  module.enableCompileCache();
  await import('../dist/cli/cli.js');
}
