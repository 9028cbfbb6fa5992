import { readdirSync, readFileSync } from 'node:fs';

export const MIB = 1024 * 1024;

/** Memory of a process that lies in RAM. */
export function rssBytes(pid: number): number {
  return fieldOf(pid, 'VmRSS');
}

/** The most it ever had, since `resetPeak`. */
export function peakRssBytes(pid: number): number {
  return fieldOf(pid, 'VmHWM');
}

/** Descriptors it holds. */
export function descriptorCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function fieldOf(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status);
  if (found === null) throw new Error(`no ${name} of ${pid}`);
  return Number(found[1]) * 1024;
}
