// Made of the protocol's tables. In dist stands what comes out (`scripts/bundle.ts`), as no page needs the tables themselves.
import { CloseCode, ErrorCode, enumNames, GapReason } from '@millrace/gateway-protocol';

/** Codes further apart than this have runs of their own. */
const APART = 8;

/** The code of errors that this side found. */
export const CLIENT_CODE = 0;

/** By number, as text with commas: `[100, 'internal,goingAway,…']`. Numbers without a name have an empty one. */
export const CODE_NAMES: readonly (readonly [number, string])[] = runs(
  // 0, which is no error to the protocol, is one of ours.
  new Map([...named(ErrorCode), ...named(CloseCode), [CLIENT_CODE, 'client']]),
);

/** Names of gaps by `GapReason`. */
export const GAP_NAMES: string = enumNames(GapReason).join();

function named(codes: Readonly<Record<string, number>>): [number, string][] {
  const names = enumNames(codes);
  return Object.values(codes).map((code, at) => [code, names[at] as string]);
}

function runs(names: ReadonlyMap<number, string>): [number, string][] {
  const found: [number, string][] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (const [code, name] of [...names].sort(([a], [b]) => a - b)) {
    const run = found.at(-1);
    if (run === undefined || code - next > APART) found.push([code, name]);
    else run[1] += `${','.repeat(1 + code - next)}${name}`;
    next = code + 1;
  }
  return found;
}
