import type { Reader } from '@millrace/bytes';
import type { Field, FieldType } from './group-record-tables.ts';

/** Fields of a flexible message as JSON text, in the order of its table. @throws DecodeError */
export function fieldsText(reader: Reader, fields: readonly Field[]): string {
  const texts = new Map<Field, string>();
  for (const field of fields) {
    if (field.tag === undefined) texts.set(field, valueText(reader, field.type));
  }
  let tag = -1;
  for (let left = reader.taggedFieldCount(); left > 0; left--) {
    tag = reader.tag(tag);
    const end = reader.tagSize() + reader.position;
    const known = fields.find((field) => field.tag === tag);
    if (known !== undefined) texts.set(known, valueText(reader, known.type));
    reader.position = end;
  }
  const present = fields.filter((field) => texts.has(field));
  return `{${present.map((field) => `${quoted(field.name)}:${texts.get(field)}`).join(',')}}`;
}

function valueText(reader: Reader, type: FieldType): string {
  if (typeof type === 'object') {
    if ('list' in type) {
      // The smallest element is a byte.
      const items = Array.from({ length: reader.compactArrayLength(1) }, () =>
        valueText(reader, type.list),
      );
      return `[${items.join(',')}]`;
    }
    if (type.isNullable && reader.int8() < 0) return 'null';
    return fieldsText(reader, type.fields);
  }
  switch (type) {
    case 'int8':
      return String(reader.int8());
    case 'int16':
      return String(reader.int16());
    case 'uint16':
      return String(reader.uint16());
    case 'int32':
      return String(reader.int32());
    case 'int64':
      return String(reader.int64Big());
    case 'uuid':
      return quoted(reader.uuid());
    case 'string':
      return quoted(reader.compactString());
    case 'string?':
      return quoted(reader.compactNullableString());
    case 'bytes':
      return quoted(Buffer.from(reader.compactByteArray()).toString('base64'));
  }
}

function quoted(text: string | null): string {
  return JSON.stringify(text);
}
