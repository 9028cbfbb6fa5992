import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from './lib/workspace.ts';

const read = (...place: string[]) => readFileSync(path.join(ROOT, ...place), 'utf8');
/** Made by Prometheus itself. */
const FOREIGN = new Set(['up']);
const SUFFIXES = /_(bucket|sum|count)$/;

/** Names of the reference pages, which are generated from the tables. */
const metrics = new Map(
  ['metrics.md', 'gateway-metrics.md'].flatMap((page) =>
    [...read('docs', 'reference', page).matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(
      ([, name, type]) => [name as string, type as string] as const,
    ),
  ),
);

function isKnown(name: string): boolean {
  const family = metrics.get(name.replace(SUFFIXES, ''));
  return metrics.has(name) || family === 'histogram' || FOREIGN.has(name);
}

describe('deploy', () => {
  const rules = read('deploy', 'observe', 'rules.yml');

  test('every metric that an alert asks for exists', () => {
    const expressions = [...rules.matchAll(/^ +expr: ((?:.+\n)(?: {10}.+\n)*)/gm)].map(
      ([, text]) => text as string,
    );
    const names = expressions.flatMap((text) => text.match(/\b(?:up|[a-z]+(?:_[a-z0-9]+)+)\b/g));
    const asked = names.filter((name) => name !== 'histogram_quantile') as string[];
    expect(expressions.length).toBe(rules.match(/- alert:/g)?.length);
    expect(asked.length).toBeGreaterThanOrEqual(expressions.length);
    expect(asked.filter((name) => !isKnown(name))).toEqual([]);
  });

  test('scrapes the ports that are the defaults', () => {
    const scraped = read('deploy', 'observe', 'prometheus.yml').match(/127\.0\.0\.1:\d+/g) ?? [];
    const settings = read('docs', 'reference', 'config.md');
    const gateway = read('docs', 'reference', 'gateway-config.md');
    expect(settings).toMatch(new RegExp(`\`millrace.metrics.listener\` .*${scraped[0]}`));
    expect(gateway).toMatch(new RegExp(`\`gateway.admin.listen\` .*${scraped[1]}`));
  });

  test('the units run commands that there are', () => {
    const bin = JSON.parse(read('packages', 'millrace', 'package.json')) as {
      bin: Record<string, string>;
    };
    for (const name of readdirSync(path.join(ROOT, 'deploy', 'systemd'))) {
      const command = /^ExecStart=\S+\/\.bin\/(\w+) (\w+) /m.exec(read('deploy', 'systemd', name));
      expect(Object.keys(bin.bin)).toContain(command?.[1]);
      expect(name).toBe(`millrace-${command?.[2]}.service`);
    }
  });
});
