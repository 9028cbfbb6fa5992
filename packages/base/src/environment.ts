/**
 * The environment variables of the process, or nothing where there is no process. The only place that
 * reads them.
 */
export function readEnvironment(): Readonly<Record<string, string | undefined>> {
  const host = globalThis as {
    process?: { env?: Readonly<Record<string, string | undefined>> };
  };
  return host.process?.env ?? {};
}
