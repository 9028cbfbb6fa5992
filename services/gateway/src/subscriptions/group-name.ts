import type { Principal } from '../auth/principal.ts';

/** The consumer group that keeps what a principal commits under a name (§15.3). */
export function groupName({ tenant, subject }: Principal, name: string): string {
  return `gw.${tenant}.${subject}.${name}`;
}
