import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const KAFKA = 'org.apache.kafka';

/** Newest client that the tables follow. */
export const NEWEST = '4.4.0';
/** Last client with the versions that 4.0 dropped. */
export const OLDER = '3.9.1';

/** Path of a jar in Maven's local repository; fetched, with what it needs, when it is not there. */
export function jar(group: string, artifact: string, version: string): string {
  const folder = join(homedir(), '.m2/repository', ...group.split('.'), artifact, version);
  const path = join(folder, `${artifact}-${version}.jar`);
  const goal = ['dependency:get', `-Dartifact=${group}:${artifact}:${version}`];
  if (!existsSync(path)) execFileSync('mvn', ['-q', '-B', ...goal], { stdio: 'inherit' });
  return path;
}

export function kafkaJar(artifact: string, version: string): string {
  return jar(KAFKA, artifact, version);
}
