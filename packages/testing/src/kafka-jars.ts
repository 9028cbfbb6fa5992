import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, type Finished, runProgram } from './child.ts';
import { MissingTool } from './missing-tool.ts';

const PACKAGE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PEER = path.join(PACKAGE, 'peers', 'apache-kafka');
const CACHE = path.resolve(PACKAGE, '../../.cache');

const FETCH_TIMEOUT_MS = 300_000;
/** For the tools: they start often and live shortly. */
const QUICK_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx512m'];

/**
 * The folder of Apache Kafka's jars, fetched with Maven when it is not there yet.
 *
 * @throws MissingTool when there is no Java or no Maven, or Maven cannot fetch them.
 */
export async function apacheKafkaJars(): Promise<string> {
  const pom = path.join(PEER, 'pom.xml');
  const version = /<kafka\.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1];
  const folder = path.join(CACHE, `apache-kafka-${version}`);
  await requireJava();
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const half = `${folder}.${process.pid}.part`;
  const argv = [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${half}`,
  ];
  try {
    await runProgram('mvn', argv, { timeoutMs: FETCH_TIMEOUT_MS });
  } catch (error) {
    throw new MissingTool('Apache Kafka', `Maven could not fetch it: ${(error as Error).message}`);
  }
  if (existsSync(folder)) rmSync(half, { recursive: true });
  else renameSync(half, folder);
  return folder;
}

async function requireJava(): Promise<void> {
  try {
    await runProgram('java', ['-version']);
  } catch {
    throw new MissingTool('java', 'no working Java runtime on the path');
  }
}

/**
 * Runs one main class of Apache Kafka's to its end, against any broker.
 *
 * @throws Error with what it said when it ends with another code than 0 (unless `anyCode`) or too late.
 */
export async function runKafkaTool(
  mainClass: string,
  argv: readonly string[],
  options: Parameters<typeof runProgram>[2] = {},
): Promise<Finished> {
  return runProgram('java', await kafkaToolArguments(mainClass, argv), options);
}

/** Starts one main class of Apache Kafka's that goes on until it is stopped. */
export async function startKafkaTool(mainClass: string, argv: readonly string[]): Promise<Child> {
  return new Child('java', await kafkaToolArguments(mainClass, argv));
}

async function kafkaToolArguments(mainClass: string, argv: readonly string[]): Promise<string[]> {
  return [...QUICK_START, ...(await kafkaJavaArguments('ERROR')), mainClass, ...argv];
}

/** What `java` needs for a main class of Apache Kafka's that logs from `level` on to standard error. */
export async function kafkaJavaArguments(level: string): Promise<string[]> {
  const jars = await apacheKafkaJars();
  return [
    '-cp',
    path.join(jars, '*'),
    `-Dlog4j2.configurationFile=${path.join(PEER, 'log4j2.xml')}`,
    `-Dmillrace.log.level=${level}`,
  ];
}
