import { defaultLiteral, defaultName, typeOf } from './emit-common.ts';
import { hasInput, isOptional, type StructModel } from './model.ts';

/** Name of the type that the encoder takes. */
export function inputName(struct: StructModel): string {
  return hasInput(struct) ? `${struct.name}Input` : struct.name;
}

/** The interface of decoded values and, where it differs, the one of values to encode. */
export function emitTypes(struct: StructModel): string {
  const decoded = emitInterface(struct, struct.name, struct.about, (field) => ({
    mark: '',
    type: typeOf(field, false, inputName),
  }));
  if (!hasInput(struct)) return decoded;
  const about = `What the encoder takes for ${struct.name}: fields that have a default may be left out.`;
  return `${decoded}\n${emitInterface(struct, inputName(struct), about, (field) => ({
    mark: isOptional(field) ? '?' : '',
    type: typeOf(field, true, inputName) + (isOptional(field) ? ' | undefined' : ''),
  }))}`;
}

function emitInterface(
  struct: StructModel,
  name: string,
  about: string,
  column: (field: StructModel['fields'][number]) => { mark: string; type: string },
): string {
  const decoded = name === struct.name;
  const rows = struct.fields.map((field) => {
    const { mark, type } = column(field);
    const doc = decoded ? `  /** ${field.about} */\n` : '';
    return `${doc}  readonly ${field.name}${mark}: ${type};\n`;
  });
  return `/** ${about} */\nexport interface ${name} {\n${rows.join('')}}\n`;
}

/** The shared value of a struct field that is absent. */
export function emitDefault(struct: StructModel): string {
  const rows = struct.fields.map((field) => `  ${field.name}: ${defaultLiteral(field)},\n`);
  return `const ${defaultName(struct)}: ${struct.name} = {\n${rows.join('')}};\n`;
}
