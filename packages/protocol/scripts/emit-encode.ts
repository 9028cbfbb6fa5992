import {
  choose,
  condition,
  defaultLiteral,
  defaultName,
  type Segment,
  segments,
  versionParameters,
  versionTest,
} from './emit-common.ts';
import { inputName } from './emit-types.ts';
import { type FieldModel, isOptional, type MessageModel, type StructModel } from './model.ts';

type Signatures = Map<StructModel, string[]>;

const FIXED = new Set(['int8', 'int16', 'int32', 'int64', 'int64Big', 'uuid']);

/** One encode function per struct, inner ones first; only the message's own is exported. */
export function emitEncoders(message: MessageModel): string {
  const signatures: Signatures = new Map();
  return message.structs.map((struct) => emitEncoder(struct, message, signatures)).join('\n');
}

function emitEncoder(struct: StructModel, message: MessageModel, signatures: Signatures): string {
  const plain = struct.fields.filter((field) => field.tag === undefined);
  const tagged = struct.fields.filter((field) => field.tag !== undefined);
  const lines = plain.map((field) => emitField(field, struct, message, signatures));
  lines.push(emitTags(tagged, struct, message, signatures));
  const body = lines.join('');
  const parameters = versionParameters(body);
  signatures.set(struct, parameters);
  const type = inputName(struct);
  const value = /\bvalue\b/.test(body) ? 'value' : '_value';
  const head = `function encode${struct.name}(writer: Writer, ${value}: ${type}`;
  if (struct !== message.root) {
    const types = parameters.map(
      (name) => `, ${name}: ${name === 'version' ? 'number' : 'boolean'}`,
    );
    return `${head}${types.join('')}): void {\n${body}}\n`;
  }
  const flexible = parameters.includes('flexible')
    ? `  const flexible = version >= ${message.flexibleFrom};\n`
    : '';
  const version = parameters.length > 0 ? 'version' : '_version';
  const doc = '/** @throws EncodeError when the version cannot carry the value. */\n';
  return `${doc}export ${head}, ${version}: number): void {\n${flexible}${body}}\n`;
}

/** The field's value, with the default in place of undefined. */
function access(field: FieldModel): string {
  const value = `value.${field.name}`;
  return isOptional(field) ? `${value} ?? ${defaultLiteral(field)}` : value;
}

/** The same, to stand before an operator. */
function operand(field: FieldModel): string {
  return isOptional(field) ? `(${access(field)})` : access(field);
}

function emitField(
  field: FieldModel,
  struct: StructModel,
  message: MessageModel,
  signatures: Signatures,
): string {
  const when = condition(field.range, struct.range);
  const write = emitWrite(field, access(field), struct.name, message, signatures);
  if (when === '') return field.list || field.struct ? block('', write) : indent(write);
  return block(`if (${when}) `, write) + emitRefusal(field, struct, 'else ');
}

/** Throws when a field that the version lacks has a value that would be lost. */
function emitRefusal(field: FieldModel, struct: StructModel, prefix: string): string {
  if (field.ignorable) return '';
  const name = `${struct.name}.${field.name}`;
  return `  ${prefix}if (${differs(field, operand(field))}) throw notInVersion('${name}', version);\n`;
}

function block(head: string, code: string): string {
  return `  ${head}{\n${indent(indent(code))}  }\n`;
}

/** Statements that write the field; `value` is an expression. */
function emitWrite(
  field: FieldModel,
  value: string,
  owner: string,
  message: MessageModel,
  signatures: Signatures,
): string {
  if (field.list) return emitList(field, value, owner, message, signatures);
  if (field.struct !== undefined) return emitStruct(field, value, owner, signatures);
  return emitScalar(field, value, owner, message);
}

function emitScalar(
  field: FieldModel,
  value: string,
  owner: string,
  message: MessageModel,
): string {
  const { scalar } = field;
  if (scalar === 'bool') return `writer.boolean(${value});\n`;
  if (FIXED.has(scalar ?? '')) return `writer.${scalar}(${value});\n`;
  return statements(
    segments(field, field.range, message, (flexible, nullable) => {
      if (scalar === 'records') {
        return `writer.${flexible ? 'compactNullableRecords' : 'nullableRecords'}(${value});\n`;
      }
      const stem = scalar === 'string' ? 'String' : 'ByteArray';
      const method = `${flexible ? 'Compact' : ''}${nullable ? 'Nullable' : ''}${stem}`;
      const argument =
        field.nullable && !nullable ? `notNull(${value}, '${owner}.${field.name}')` : value;
      return `writer.${method[0]?.toLowerCase()}${method.slice(1)}(${argument});\n`;
    }),
    message,
  );
}

function emitStruct(
  field: FieldModel,
  value: string,
  owner: string,
  signatures: Signatures,
): string {
  const struct = field.struct as StructModel;
  const rest = ['', ...(signatures.get(struct) ?? [])].join(', ');
  if (!field.nullable) return `encode${struct.name}(writer, ${value}${rest});\n`;
  if (field.nullableFrom > field.range.min) throw new Error(`${owner}.${field.name}: nullableFrom`);
  return (
    `const inner = ${value};\nif (inner === null) {\n  writer.int8(-1);\n} else {\n` +
    `  writer.int8(1);\n  encode${struct.name}(writer, inner${rest});\n}\n`
  );
}

function emitList(
  field: FieldModel,
  value: string,
  owner: string,
  message: MessageModel,
  signatures: Signatures,
): string {
  const length = (count: string) =>
    statements(
      segments(field, field.range, message, (flexible) =>
        flexible ? `writer.compactArrayLength(${count});\n` : `writer.arrayLength(${count});\n`,
      ),
      message,
    );
  const element = { ...field, list: false, nullable: false, default: undefined };
  const write = emitWrite(element, 'element', owner, message, signatures);
  const loop = `for (const element of list) {\n${indent(write)}}\n`;
  if (!field.nullable) return `const list = ${value};\n${length('list.length')}${loop}`;
  const refusal =
    field.nullableFrom > field.range.min
      ? `if (list === null && version < ${field.nullableFrom}) throw nullInVersion('${owner}.${field.name}', version);\n`
      : '';
  return (
    `const list = ${value};\n${refusal}if (list === null) {\n${indent(length('-1'))}} else {\n` +
    `${indent(length('list.length') + loop)}}\n`
  );
}

/** The section of tagged fields. A field whose value is the default is not written. */
function emitTags(
  tagged: readonly FieldModel[],
  struct: StructModel,
  message: MessageModel,
  signatures: Signatures,
): string {
  if (message.flexibleFrom > struct.range.max) return '';
  const guard = message.flexibleFrom <= struct.range.min ? '' : 'if (flexible) ';
  if (tagged.length === 0) return `  ${guard}writer.int8(0);\n`;
  const refusals = tagged
    .filter((field) => condition(field.range, struct.range) !== '')
    .map((field) =>
      field.ignorable
        ? ''
        : `  if (${versionBelow(field, message)}) {\n  ${emitRefusal(field, struct, '')}  }\n`,
    );
  const since = Math.max(message.flexibleFrom, struct.range.min);
  const tests = tagged.map((field, at) => {
    const known = field.range.min > since ? `${versionTest(field.range.min, message)} && ` : '';
    return `const has${at} = ${known}${differs(field, operand(field))};\n`;
  });
  const ones = tagged.map((_, at) => `has${at} ? 1 : 0`);
  const count = ones.length === 1 ? ones[0] : ones.map((one) => `(${one})`).join(' + ');
  const writes = tagged.map((field, at) => {
    const write = emitWrite(field, access(field), struct.name, message, signatures);
    const mark = `const mark = writer.beginTaggedField(${field.tag});\n`;
    return `if (has${at}) {\n${indent(`${mark}${write}writer.endTaggedField(mark);\n`)}}\n`;
  });
  const code = `${tests.join('')}writer.unsignedVarint(${count});\n${writes.join('')}`;
  return refusals.join('') + block(guard, code);
}

function versionBelow(field: FieldModel, message: MessageModel): string {
  return field.range.min === message.flexibleFrom ? '!flexible' : `version < ${field.range.min}`;
}

/** Condition: the value is not the field's default. */
function differs(field: FieldModel, value: string): string {
  if (field.default === null) return `${value} !== null`;
  if (field.list) {
    if (field.nullable) return `${value}?.length !== 0`;
    return isOptional(field) ? `(value.${field.name}?.length ?? 0) !== 0` : `${value}.length !== 0`;
  }
  if (field.struct !== undefined) return structDiffers(field, field.struct);
  if (field.scalar === 'bytes') return `${value}.length !== 0`;
  return `${value} !== ${defaultLiteral(field)}`;
}

function structDiffers(field: FieldModel, struct: StructModel): string {
  if (field.nullable) return `${operand(field)} !== null`;
  return `!isDefault${struct.name}(${access(field)})`;
}

/** A function that compares a struct with its default, for the fields that need one. */
export function emitIsDefault(struct: StructModel): string {
  const tests = struct.fields.map((field) => differs(field, operand(field)));
  return (
    `function isDefault${struct.name}(value: ${inputName(struct)}): boolean {\n` +
    `  return value === ${defaultName(struct)} || !(${tests.join(' || ')});\n}\n`
  );
}

/** Statements that pick the segment of the version at hand. */
function statements(list: readonly Segment[], message: MessageModel): string {
  if (list.length === 1) return (list[0] as Segment).code;
  if (list.length === 2) {
    const [low, high] = list as [Segment, Segment];
    return `if (${versionTest(high.from, message)}) ${high.code}else ${low.code}`;
  }
  const bare = list.map(({ from, code }) => ({ from, code: code.replace(/;\n$/, '') }));
  return `${choose(bare, message)};\n`;
}

/** Structs that stand alone in a field and so need a default value. */
export function structsWithDefault(message: MessageModel): StructModel[] {
  const found = new Set<StructModel>();
  for (const struct of message.structs) {
    for (const field of struct.fields) {
      if (field.struct !== undefined && !field.list && !field.nullable) found.add(field.struct);
    }
  }
  return [...found];
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
