/**
 * Compares the schema tables, field by field and version by version, with the message schemas that
 * lie in jars of Kafka's. `node scripts/check-against-jar.ts <jar> …`, newest kafka-clients first;
 * older ones answer for versions that the newer dropped. Other jars (kafka-group-coordinator) answer
 * for the messages that they hold. Without arguments Maven finds the jars. Prints one line per
 * difference; exit code 1 when there is one.
 */
import { apis, messageFiles } from '../schemas/index.ts';
import type { Message } from '../schemas/language.ts';
import {
  contains,
  type FieldFacts,
  type KafkaMessage,
  kafkaFacts,
  kafkaMessages,
  normalDefault,
  validRange,
} from './kafka-schemas.ts';
import { kafkaJar, NEWEST, OLDER } from './maven.ts';
import { messageModel, parseRange, type Range, type StructModel } from './model.ts';

/** Highest version that released brokers serve: the request says when the last is not stable yet. */
function highestStable(name: string, range: Range, jar: Map<string, KafkaMessage>): number {
  const request = jar.get(name.replace(/Response$/, 'Request'));
  return request?.latestVersionUnstable === true ? range.max - 1 : range.max;
}

/** What our table says of one version, in the form of `kafkaFacts`. */
function tableFacts(message: Message, version: number): FieldFacts[] {
  const facts: FieldFacts[] = [];
  const visit = (struct: StructModel, prefix: string) => {
    for (const field of struct.fields) {
      if (version < field.range.min || version > field.range.max) continue;
      const path = `${prefix}.${field.name}`;
      const type = field.struct === undefined ? (field.scalar as string) : 'struct';
      facts.push({
        path,
        type: (type === 'int64Big' ? 'int64' : type) + (field.list ? '[]' : ''),
        nullable: field.nullable && version >= field.nullableFrom,
        tag: field.tag,
        default: normalDefault(type, field.list, field.default),
        ignorable: field.ignorable,
      });
      if (field.struct !== undefined) visit(field.struct, path);
    }
  };
  visit(messageModel(message).root, message.name);
  return facts;
}

/** Keys of the group log: our versions are their types, and a type is a message of its own there. */
function jarVersion(message: Message, version: number): number {
  return message.name.endsWith('Key') ? 0 : version;
}

function compareMessage(
  message: Message,
  jars: readonly Map<string, KafkaMessage>[],
  differences: string[],
): number {
  const { min, max } = parseRange(message.versions);
  let compared = 0;
  for (let version = min; version <= max; version++) {
    const theirVersion = jarVersion(message, version);
    const holders = jars.filter((jar) => {
      const theirs = jar.get(message.name);
      return theirs !== undefined && contains(theirs.validVersions, theirVersion);
    });
    const theirs = holders[0]?.get(message.name);
    if (theirs === undefined) {
      differences.push(`${message.name} ${version}: in none of the jars`);
      continue;
    }
    const newest = holders[0] === jars.find((jar) => jar.has(message.name));
    compareVersion(message, version, theirs, theirVersion, newest, differences);
    compared++;
  }
  const newest = jars.find((jar) => jar.has(message.name));
  const theirs = newest?.get(message.name);
  const range = theirs === undefined ? undefined : validRange(theirs);
  if (newest !== undefined && range !== undefined && !message.name.endsWith('Key')) {
    const highest = highestStable(message.name, range, newest);
    if (highest > max) differences.push(`${message.name}: Kafka has version ${highest}, we ${max}`);
  }
  return compared;
}

function compareVersion(
  message: Message,
  version: number,
  theirs: KafkaMessage,
  theirVersion: number,
  newest: boolean,
  differences: string[],
): void {
  const where = `${message.name} ${version}`;
  const flexible = message.flexibleFrom !== 'never' && version >= message.flexibleFrom;
  if (flexible !== contains(theirs.flexibleVersions, theirVersion)) {
    differences.push(`${where}: we say ${flexible ? '' : 'not '}flexible`);
  }
  const ours = tableFacts(message, version).map((facts) => spell(facts, newest));
  const other = kafkaFacts(theirs, theirVersion).map((facts) => spell(facts, newest));
  for (let i = 0; i < Math.max(ours.length, other.length); i++) {
    if (ours[i] === other[i]) continue;
    differences.push(`${where}: we have ${ours[i] ?? 'nothing'}, the jar ${other[i] ?? 'nothing'}`);
    return;
  }
}

/** `ignorable` speaks of other versions than the one at hand, so only the newest jar is asked. */
function spell(facts: FieldFacts, withIgnorable: boolean): string {
  const { path, type, nullable, tag, ignorable } = facts;
  const marks = [
    `${type}${nullable ? '?' : ''}`,
    tag === undefined ? '' : `tag ${tag}`,
    `default ${facts.default}`,
    withIgnorable && ignorable ? 'ignorable' : '',
  ];
  return [path, ...marks.filter((mark) => mark !== '')].join(' ');
}

/** All our tables as plain messages. */
function tables(): Message[] {
  const parts = apis.flatMap(({ name, request, response, ...rest }) => [
    { ...rest, name: `${name}Request`, fields: request },
    { ...rest, name: `${name}Response`, fields: response },
  ]);
  return [...parts, ...messageFiles.flatMap(({ messages }) => messages)];
}

function run(paths: readonly string[]): number {
  const jars = paths.map(kafkaMessages);
  const differences: string[] = [];
  let compared = 0;
  let skipped = 0;
  for (const message of tables()) {
    if (jars.some((jar) => jar.has(message.name))) {
      compared += compareMessage(message, jars, differences);
    } else {
      skipped++;
    }
  }
  for (const { key, name } of apis) {
    const theirs = jars
      .map((jar) => jar.get(`${name}Request`))
      .find((found) => found !== undefined);
    if (theirs?.apiKey !== key)
      differences.push(`${name}: we say key ${key}, the jar ${theirs?.apiKey}`);
  }
  process.stdout.write(differences.map((line) => `${line}\n`).join(''));
  const rest = skipped > 0 ? `, ${skipped} messages in none of these jars` : '';
  process.stdout.write(
    `protocol tables: ${compared} message versions compared, ${differences.length} differences${rest}\n`,
  );
  return differences.length > 0 || compared === 0 ? 1 : 0;
}

function defaultJars(): string[] {
  return [
    kafkaJar('kafka-clients', NEWEST),
    kafkaJar('kafka-clients', OLDER),
    kafkaJar('kafka-group-coordinator', NEWEST),
  ];
}

const paths = process.argv.slice(2);
process.exitCode = run(paths.length > 0 ? paths : defaultJars());
