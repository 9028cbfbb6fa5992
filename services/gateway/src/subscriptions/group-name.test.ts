import { expect, test } from 'vitest';
import { grantsOf, readGrantsClaim } from '../auth/grants-claim.ts';
import type { Principal } from '../auth/principal.ts';
import { groupName } from './group-name.ts';

function principal(tenant: string, subject: string): Principal {
  const grants = grantsOf(readGrantsClaim({ v: 1 }, subject));
  return { tenant, subject, expiresAtMs: 0, issuedAtMs: 0, jti: null, grants };
}

test('C39: dots in tenant, subject and name do not make two principals share a group', () => {
  const groups = [
    groupName(principal('a.b', 'c'), 'n'),
    groupName(principal('a', 'b.c'), 'n'),
    groupName(principal('a', 'b'), 'c.n'),
    groupName(principal('a%2Eb', 'c'), 'n'),
  ];
  expect(new Set(groups).size).toBe(groups.length);
  expect(groups[0]).toBe('gw.a%2Eb.c.n');
  expect(groupName(principal('', 'ann'), 'n')).toBe('gw..ann.n');
});
