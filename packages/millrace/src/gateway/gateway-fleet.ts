import { once } from 'node:events';
import { createServer } from 'node:net';
import { systemClock } from '@millrace/base';
import { readGatewayConfig } from '@millrace/gateway';
import type { CommandHost, OwnChild } from '../process-host.ts';
import { UsageError } from '../usage-error.ts';

/** Set in the processes of a fleet: their number, from 0. */
export const WORKER_VARIABLE = 'MILLRACE_GATEWAY_PROCESS';

/** A process that ends sooner than this after its start will not do better the next time. */
const LIVED_MS_MIN = 10_000;
const RESTART_AFTER_MS = 1000;

/** As on the command line. */
export interface GatewaySettings {
  readonly propertiesText?: string;
  readonly overrides: readonly string[];
}

/**
 * `gateway.processes` processes on one port; the kernel spreads connections over them. One that dies is started again,
 * its clients go to the others meanwhile. All end with this one, however it ends.
 *
 * @returns the exit code: 0 after a stop that was asked for.
 * @throws UsageError when the port is taken.
 */
export async function runFleet(
  argv: readonly string[],
  settings: GatewaySettings,
  processCount: number,
  host: CommandHost,
): Promise<number> {
  const { listen } = readGatewayConfig(settings);
  // Processes share the port on purpose, so none of them would notice a stranger on it.
  await checkPortIsFree(listen.host, listen.port);
  const fleet = new Fleet(argv, host);
  for (let index = 0; index < processCount; index++) fleet.start(index);
  host.onStop((reason) => {
    host.complain(`millrace: stopping ${processCount} gateway processes (${reason})`);
    fleet.stop();
  });
  return fleet.over;
}

class Fleet {
  readonly #argv: readonly string[];
  readonly #host: CommandHost;
  readonly #children = new Map<number, OwnChild>();
  readonly #over = Promise.withResolvers<number>();
  #isStopping = false;
  #exitCode = 0;

  constructor(argv: readonly string[], host: CommandHost) {
    this.#argv = argv;
    this.#host = host;
  }

  /** The exit code, once all processes have ended. */
  get over(): Promise<number> {
    return this.#over.promise;
  }

  start(index: number): void {
    const startedAtMs = systemClock.monotonicMs();
    const child = this.#host.spawnSelf(['gateway', ...this.#argv], {
      [WORKER_VARIABLE]: String(index),
    });
    this.#children.set(index, child);
    child.onExit((code) => {
      this.#children.delete(index);
      this.#ended(index, code, systemClock.monotonicMs() - startedAtMs);
    });
  }

  /** Asks all to drain; again, to hurry. */
  stop(): void {
    this.#isStopping = true;
    for (const child of this.#children.values()) child.terminate();
    this.#finishWhenEmpty();
  }

  #ended(index: number, code: number, livedMs: number): void {
    if (this.#isStopping) {
      if (code !== 0) this.#exitCode = 1;
      this.#finishWhenEmpty();
      return;
    }
    this.#host.complain(`millrace: gateway process ${index} ended (exit ${code})`);
    if (livedMs < LIVED_MS_MIN) {
      this.#exitCode = 1;
      this.stop();
      return;
    }
    systemClock.setTimer(RESTART_AFTER_MS, () => {
      if (!this.#isStopping) this.start(index);
    });
  }

  #finishWhenEmpty(): void {
    if (this.#children.size === 0) this.#over.resolve(this.#exitCode);
  }
}

async function checkPortIsFree(host: string, port: number): Promise<void> {
  const probe = createServer().listen({ host, port, exclusive: true });
  try {
    await once(probe, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `the gateway did not start: ${host}:${port} ${code === 'EADDRINUSE' ? 'is taken' : `cannot be bound (${code})`}; ` +
        'choose another one: --override gateway.listen=HOST:PORT',
    );
  }
  probe.close();
  await once(probe, 'close');
}
