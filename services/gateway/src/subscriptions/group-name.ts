import { escaped, type Principal } from '../auth/principal.ts';

/**
 * The consumer group that keeps what a principal commits under a name (§15.3). Dots of tenant and subject are escaped, so
 * that the first two dots after `gw.` end them and no two principals share a group.
 */
export function groupName({ tenant, subject }: Principal, name: string): string {
  return `gw.${escaped(tenant, '.')}.${escaped(subject, '.')}.${name}`;
}
