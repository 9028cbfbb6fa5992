import {
  choose,
  condition,
  defaultLiteral,
  segments,
  typeOf,
  versionParameters,
  versionTest,
} from './emit-common.ts';
import { inputName } from './emit-types.ts';
import {
  elementHeapBytes,
  type FieldModel,
  type MessageModel,
  minElementBytes,
  type Range,
  type StructModel,
} from './model.ts';

/** Which of `version` and `flexible` the decoder of each struct takes. */
type Signatures = Map<StructModel, string[]>;

const READER_METHOD: Record<string, string> = {
  bool: 'boolean',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  int64Big: 'int64Big',
  uuid: 'uuid',
};

/** One decode function per struct, inner ones first; only the message's own is exported. */
export function emitDecoders(message: MessageModel): string {
  const signatures: Signatures = new Map();
  return message.structs.map((struct) => emitDecoder(struct, message, signatures)).join('\n');
}

function emitDecoder(struct: StructModel, message: MessageModel, signatures: Signatures): string {
  const plain = struct.fields.filter((field) => field.tag === undefined);
  const tagged = struct.fields.filter((field) => field.tag !== undefined);
  const lines = plain.map((field) => emitField(field, struct.range, message, signatures));
  lines.push(emitTags(tagged, struct, message, signatures));
  const names = struct.fields.map((field) => field.name);
  lines.push(`  return { ${names.join(', ')} };\n`);
  const body = lines.join('');
  const parameters = versionParameters(body);
  signatures.set(struct, parameters);
  const head = `function decode${struct.name}(reader: Reader`;
  if (struct !== message.root) {
    const types = parameters.map(
      (name) => `, ${name}: ${name === 'version' ? 'number' : 'boolean'}`,
    );
    return `${head}${types.join('')}): ${struct.name} {\n${body}}\n`;
  }
  const flexible = parameters.includes('flexible')
    ? `  const flexible = version >= ${message.flexibleFrom};\n`
    : '';
  const version = parameters.length > 0 ? 'version' : '_version';
  const doc = `/** @throws DecodeError. Bytes and records are borrowed from the reader's memory. */\n`;
  return `${doc}export ${head}, ${version}: number): ${struct.name} {\n${flexible}${body}}\n`;
}

/** Statements that declare a local of the field's name. */
function emitField(
  field: FieldModel,
  outer: Range,
  message: MessageModel,
  signatures: Signatures,
): string {
  const when = condition(field.range, outer);
  if (field.list) return emitList(field, when, message, signatures);
  const value = valueExpression(field, message, signatures);
  if (when === '') return `  const ${field.name} = ${value};\n`;
  const type = typeOf(field, false, inputName);
  return `  let ${field.name}: ${type} = ${defaultLiteral(field)};\n  if (${when}) ${field.name} = ${value};\n`;
}

/** The count is checked against the bytes left before the array is made. */
function emitList(
  field: FieldModel,
  when: string,
  message: MessageModel,
  signatures: Signatures,
): string {
  const { name } = field;
  if (when === '' && !field.nullable) {
    const { count, type, fill } = listParts(field, message, signatures, `${name}Count`);
    return (
      `  const ${name}Count = ${count};\n  const ${name} = new Array<${type}>(${name}Count);\n` +
      `  ${fill}`
    );
  }
  const declaration = `  let ${name}: ${mutable(field)} = ${defaultLiteral(field)};\n`;
  const guard = when === '' ? '' : `if (${when}) `;
  return `${declaration}  ${guard}{\n${indent(fillList(field, message, signatures))}  }\n`;
}

/** Statements that read a list into a variable that is there already. */
function fillList(field: FieldModel, message: MessageModel, signatures: Signatures): string {
  const { name } = field;
  const { count, type, fill } = listParts(field, message, signatures, 'count');
  const make = `${name} = new Array<${type}>(count);\n${fill}`;
  if (!field.nullable) return `  const count = ${count};\n${indent(make)}`;
  return (
    `  const count = ${count};\n  if (count < 0) {\n    ${name} = null;\n  } else {\n` +
    `${indent(indent(make))}  }\n`
  );
}

function listParts(
  field: FieldModel,
  message: MessageModel,
  signatures: Signatures,
  countName: string,
): { count: string; type: string; fill: string } {
  const { name } = field;
  const heap = elementHeapBytes(field);
  const count = choose(
    segments(field, field.range, message, (flexible, nullable) => {
      const method = lengthMethod(flexible, nullable);
      const smallest = minElementBytes(field, field.range, message, flexible);
      return `reader.${method}(${smallest}, '${name}', ${heap})`;
    }),
    message,
  );
  const one = { ...field, list: false, nullable: false, default: undefined };
  const element = valueExpression(one, message, signatures);
  return {
    count,
    type: typeOf(one, false, inputName),
    fill: `for (let i = 0; i < ${countName}; i++) ${name}[i] = ${element};\n`,
  };
}

function lengthMethod(flexible: boolean, nullable: boolean): string {
  if (flexible) return nullable ? 'compactNullableArrayLength' : 'compactArrayLength';
  return nullable ? 'nullableArrayLength' : 'arrayLength';
}

/** Expression that reads one value that is not a list. */
function valueExpression(field: FieldModel, message: MessageModel, signatures: Signatures): string {
  const { scalar, struct } = field;
  if (struct !== undefined) {
    const call = `decode${struct.name}(${['reader', ...(signatures.get(struct) ?? [])].join(', ')})`;
    if (!field.nullable) return call;
    return choose(
      segments(field, field.range, message, (_, nullable) =>
        nullable ? `reader.int8() < 0 ? null : ${call}` : call,
      ),
      message,
    );
  }
  const fixed = READER_METHOD[scalar ?? ''];
  if (fixed !== undefined) return `reader.${fixed}()`;
  return choose(
    segments(field, field.range, message, (flexible, nullable) => {
      const stem = scalar === 'string' ? 'String' : 'ByteArray';
      const method = `${flexible ? 'Compact' : ''}${nullable ? 'Nullable' : ''}${stem}`;
      return `reader.${method[0]?.toLowerCase()}${method.slice(1)}('${field.name}')`;
    }),
    message,
  );
}

/** The section of tagged fields at the end of a struct in a flexible version. */
function emitTags(
  tagged: readonly FieldModel[],
  struct: StructModel,
  message: MessageModel,
  signatures: Signatures,
): string {
  if (message.flexibleFrom > struct.range.max) {
    if (tagged.length > 0)
      throw new Error(`${struct.name} has tagged fields and is never flexible`);
    return '';
  }
  const always = message.flexibleFrom <= struct.range.min;
  const guard = always ? '' : `if (flexible) `;
  if (tagged.length === 0) return `  ${guard}reader.skipTaggedFields();\n`;
  const declarations = tagged.map(
    (field) => `  let ${field.name}: ${mutable(field)} = ${defaultLiteral(field)};\n`,
  );
  const cases = tagged.map((field) => {
    const since = Math.max(message.flexibleFrom, struct.range.min);
    const known = field.range.min > since ? ` && ${versionTest(field.range.min, message)}` : '';
    const read = field.list
      ? `\n${indent(indent(indent(fillList(field, message, signatures))))}      `
      : ` ${field.name} = ${valueExpression(field, message, signatures)}; `;
    return `if (tag === ${field.tag}${known}) {${read}} else `;
  });
  return (
    `${declarations.join('')}  ${guard}{\n    let tag = -1;\n` +
    '    for (let left = reader.taggedFieldCount(); left > 0; left--) {\n' +
    '      tag = reader.tag(tag);\n      const end = reader.tagSize() + reader.position;\n' +
    `      ${cases.join('')}{\n        reader.position = end;\n      }\n` +
    `      if (reader.position !== end) throw wrongTagSize('${struct.name}', tag, end);\n    }\n  }\n`
  );
}

function mutable(field: FieldModel): string {
  return typeOf(field, false, inputName).replace('readonly ', '');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
