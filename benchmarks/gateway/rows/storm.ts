/** The gateway is killed under load; all clients come back to its successor and go on where they were. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { grouped, type Section, warnings } from '../figures.ts';
import type { Report } from '../generator.ts';
import { keyed } from '../keyed.ts';

const BACK_MS_MAX = 5_000;
const PATIENCE_SECONDS = 60;
/** Into the phase, so that the loss is counted to it. */
const KILL_AFTER_MS = 500;

export async function storm(bench: Bench): Promise<Section[]> {
  const { clients, seconds } = bench.options;
  const server = await bench.gateway();
  try {
    const { group, feed } = await keyed(bench, server, { clients, reconnect: true });
    let restarted = Promise.resolve();
    const phases = [
      { name: 'before', warmupSeconds: 2, seconds, feeds: [feed], sampleEvery: 1 },
      { name: 'kill', seconds: PATIENCE_SECONDS, feeds: [feed], sampleEvery: 1, untilBack: true },
      { name: 'after', seconds, feeds: [feed], sampleEvery: 1 },
    ];
    const reports = await bench.load(server, [group], phases, (phase) => {
      if (phase === 'kill') restarted = restart();
    });
    await restarted;
    return [section(reports, clients, feed.rate * feed.records)];
  } finally {
    await server.stop();
  }

  async function restart(): Promise<void> {
    await sleep(KILL_AFTER_MS);
    await server.kill();
    await server.resume();
  }
}

/** @param feed records a second */
function section(reports: readonly Report[], clients: number, feed: number): Section {
  const kill = reports.find((report) => report.phase === 'kill');
  if (kill === undefined) throw new Error('the kill has no report');
  return {
    title: `Reconnect storm, ${clients} clients, gateway killed and started again`,
    columns: ['phase', 'clients', 'deliveries', 'p50 ms', 'p99 ms'],
    rows: reports.map((report) => [
      report.phase,
      grouped(report.clients),
      grouped(report.deliveries),
      grouped(report.p50Ms, 2),
      grouped(report.p99Ms, 2),
    ]),
    verdicts: [
      {
        ...{ what: 'all back and resumed where they were, after the first loss' },
        ...{ value: kill.subscribedAgainMs, atMost: BACK_MS_MAX, unit: ' ms', digits: 0 },
      },
      {
        ...{ what: `all at the end of the log again, which grows by ${grouped(feed)} records/s` },
        ...{ value: kill.caughtUpAgainMs, atMost: BACK_MS_MAX, unit: ' ms', digits: 0 },
      },
      { what: 'clients still away', value: kill.stillAway, atMost: 0, digits: 0 },
      {
        ...{ what: 'silent gaps', atMost: 0, digits: 0 },
        value: reports.reduce((all, report) => all + report.silentGaps, 0),
      },
    ],
    notes: warnings('M', reports),
  };
}
