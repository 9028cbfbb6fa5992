import { Writer } from '@millrace/bytes';
import {
  type FieldModel,
  type MessageModel,
  minElementBytes,
  type StructModel,
} from '../scripts/model.ts';

/**
 * Message bodies that make the most of their bytes: for each list of a message one body in which
 * that list holds as many of the smallest elements as `lengthBytes` allow, and nothing else does.
 */
export function hostileBodies(
  message: MessageModel,
  version: number,
  lengthBytes: number,
): { readonly path: string; readonly bytes: Uint8Array }[] {
  return listPaths(message.root, message.root.name, version).map((path) => {
    const writer = new Writer();
    const flexible = version >= message.flexibleFrom;
    writeStruct(writer, message.root, message.root.name, {
      message,
      version,
      flexible,
      path,
      lengthBytes,
    });
    return { path, bytes: writer.finishBytes() };
  });
}

interface Plan {
  readonly message: MessageModel;
  readonly version: number;
  readonly flexible: boolean;
  /** The list to fill. */
  readonly path: string;
  readonly lengthBytes: number;
}

function listPaths(struct: StructModel, prefix: string, version: number): string[] {
  return struct.fields.flatMap((field) => {
    if (!isIn(field, version)) return [];
    const path = `${prefix}.${field.name}`;
    const inner = field.struct === undefined ? [] : listPaths(field.struct, path, version);
    return field.list ? [path, ...inner] : inner;
  });
}

function isIn(field: FieldModel, version: number): boolean {
  return version >= field.range.min && version <= field.range.max;
}

function writeStruct(writer: Writer, struct: StructModel, prefix: string, plan: Plan): void {
  const fields = struct.fields.filter((field) => isIn(field, plan.version));
  for (const field of fields) {
    if (field.tag === undefined) writeField(writer, field, `${prefix}.${field.name}`, plan);
  }
  if (!plan.flexible) return;
  const tagged = fields.filter(
    (field) => field.tag !== undefined && leadsTo(`${prefix}.${field.name}`, plan),
  );
  writer.unsignedVarint(tagged.length);
  for (const field of tagged) {
    const mark = writer.beginTaggedField(field.tag as number);
    writeField(writer, field, `${prefix}.${field.name}`, plan);
    writer.endTaggedField(mark);
  }
}

function leadsTo(path: string, plan: Plan): boolean {
  return plan.path === path || plan.path.startsWith(`${path}.`);
}

function writeField(writer: Writer, field: FieldModel, path: string, plan: Plan): void {
  if (!field.list) {
    writeElement(writer, field, path, plan);
    return;
  }
  const smallest = minElementBytes(field, field.range, plan.message, plan.flexible);
  let count = leadsTo(path, plan) ? 1 : 0;
  if (plan.path === path) count = Math.floor(plan.lengthBytes / smallest);
  if (plan.flexible) writer.compactArrayLength(count);
  else writer.arrayLength(count);
  for (; count > 0; count--) writeElement(writer, field, path, plan);
}

/** The smallest value of the type. */
function writeElement(writer: Writer, field: FieldModel, path: string, plan: Plan): void {
  const { scalar, struct } = field;
  if (struct !== undefined) {
    if (field.nullable && !field.list) {
      writer.int8(leadsTo(path, plan) ? 1 : -1);
      if (!leadsTo(path, plan)) return;
    }
    writeStruct(writer, struct, path, plan);
  } else if (scalar === 'string' && !plan.flexible) {
    writer.int16(0);
  } else if ((scalar === 'bytes' || scalar === 'records') && !plan.flexible) {
    writer.int32(0);
  } else if (scalar === 'string' || scalar === 'bytes' || scalar === 'records') {
    writer.int8(1);
  } else {
    const size = {
      bool: 1,
      int8: 1,
      int16: 2,
      int32: 4,
      int64: 8,
      int64Big: 8,
      uuid: 16,
    };
    writer.reserve(size[scalar ?? 'int8']);
  }
}
