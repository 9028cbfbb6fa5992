import { parseRange, type Range } from './model.ts';
import { readZip } from './zip.ts';

/** A field as Kafka's message schemas write it. */
export interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly ignorable?: boolean;
  readonly fields?: readonly KafkaField[];
}

/** A message as Kafka's message schemas write it. */
export interface KafkaMessage {
  readonly apiKey?: number;
  readonly type: string;
  readonly name: string;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly latestVersionUnstable?: boolean;
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: KafkaField[] }[];
}

/** The message schemas in a jar of Kafka's, by name. */
export function kafkaMessages(jar: string): Map<string, KafkaMessage> {
  const messages = new Map<string, KafkaMessage>();
  for (const [path, text] of readZip(jar, 'common/message/')) {
    if (!path.endsWith('.json')) continue;
    const message = JSON.parse(withoutComments(text)) as KafkaMessage;
    messages.set(message.name, message);
  }
  return messages;
}

/** Comments run from `//` to the end of the line; no text in the schemas holds a quote before one. */
function withoutComments(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^((?:[^"/]|"(?:[^"\\]|\\.)*"|\/(?!\/))*)\/\/.*$/, '$1'))
    .join('\n');
}

/** Versions that a message has; undefined when none. */
export function validRange(message: KafkaMessage): Range | undefined {
  return message.validVersions === 'none' ? undefined : parseRange(message.validVersions);
}

/** The same facts about a field as `fieldFacts` of our own table gives, in one version. */
export interface FieldFacts {
  readonly path: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly tag: number | undefined;
  readonly default: string;
  readonly ignorable: boolean;
}

/** All fields of one version in order, inner ones after the one that holds them. */
export function kafkaFacts(message: KafkaMessage, version: number): FieldFacts[] {
  const structs = new Map(message.commonStructs?.map(({ name, fields }) => [name, fields]));
  const facts: FieldFacts[] = [];
  const visit = (fields: readonly KafkaField[], prefix: string) => {
    for (const field of fields) {
      if (!contains(field.versions, version)) continue;
      const path = `${prefix}.${field.name.charAt(0).toLowerCase()}${field.name.slice(1)}`;
      const list = field.type.startsWith('[]');
      const base = list ? field.type.slice(2) : field.type;
      const struct = /^[A-Z]/.test(base);
      facts.push({
        path,
        type: (struct ? 'struct' : base) + (list ? '[]' : ''),
        nullable: contains(field.nullableVersions ?? 'none', version),
        tag: contains(field.taggedVersions ?? 'none', version) ? field.tag : undefined,
        default: normalDefault(struct ? 'struct' : base, list, field.default),
        ignorable: field.ignorable ?? false,
      });
      if (struct) visit(field.fields ?? structs.get(base) ?? [], path);
    }
  };
  visit(message.fields, message.name);
  return facts;
}

export function contains(versions: string, version: number): boolean {
  if (versions === 'none') return false;
  const { min, max } = parseRange(versions);
  return version >= min && version <= max;
}

/** Spells a default so that both sides spell it alike; a missing one becomes the type's own. */
export function normalDefault(type: string, list: boolean, value: unknown): string {
  if (value === 'null' || value === null) return 'null';
  if (list) return '[]';
  switch (type) {
    case 'struct':
      return 'struct';
    case 'bool':
      return String(value ?? false);
    case 'string':
      return String(value ?? '');
    case 'uuid':
    case 'bytes':
    case 'records':
      return '';
    default:
      return BigInt((value as string | number | bigint | undefined) ?? 0).toString();
  }
}
