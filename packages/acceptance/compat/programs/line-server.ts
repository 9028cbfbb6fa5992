// The far end of a driver: one request a line on standard input, one answer a line on standard output.
import { createInterface } from 'node:readline';

export type Arguments = Readonly<Record<string, never>>;
export type Operation = (argument: never) => Promise<unknown>;

interface Request {
  readonly id: number;
  readonly op: string;
  readonly argument: unknown;
}

/** Serves `operations` until standard input ends, then ends the process. */
export function serve(
  operations: Readonly<Record<string, (argument: never) => Promise<unknown>>>,
): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { id, op, argument } = JSON.parse(line) as Request;
    const operation = operations[op];
    const work =
      operation === undefined
        ? Promise.reject(new Error(`no operation ${op}`))
        : operation(argument as never);
    work.then(
      (result) => answer({ id, result: result ?? null }),
      (error: unknown) => answer({ id, error: describe(error) }),
    );
  });
  lines.on('close', () => process.exit(0));
}

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors.map(describe).join('; ') : '';
  const cause = error.cause === undefined ? '' : ` (${describe(error.cause)})`;
  return `${error.name}: ${error.message}${cause} ${inner}`.trim();
}
