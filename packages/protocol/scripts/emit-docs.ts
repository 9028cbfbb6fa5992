import type { Api, Field, Message } from '../schemas/language.ts';
import { banner, type OutputFile } from './emit-files.ts';

/** The reference page: every message as a list of its fields. */
export function emitDocs(apis: readonly Api[], messages: readonly Message[]): OutputFile {
  const parts = apis.map((api) =>
    [
      `## ${api.key} ${api.name}\n\n${api.about} ${versionsText(api)}\n`,
      `Request:\n\n${fieldList(api.request)}`,
      `Response:\n\n${fieldList(api.response)}`,
    ].join('\n'),
  );
  const others = messages.map(
    (message) =>
      `## ${message.name}\n\n${message.about} ${versionsText(message)}\n\n${fieldList(message.fields)}`,
  );
  const note = banner('packages/protocol/schemas').replace(/^\/\/ |\n$/g, '');
  const text =
    `# Messages\n\n<!-- ${note} -->\n\n` +
    'Every message that Millrace reads or writes. A row is: name, type (`?` may be null, `[]` array), the\n' +
    'versions that have the field, its tag if it is a tagged field, its default, and what it is.\n\n' +
    `${[...parts, ...others].join('\n')}`;
  return { path: '../../docs/reference/protocol.md', text, values: [], types: [] };
}

function versionsText({ versions, flexibleFrom }: Pick<Message, 'versions' | 'flexibleFrom'>) {
  const range = versions.includes('-') ? `Versions ${versions}` : `Version ${versions}`;
  return flexibleFrom === 'never'
    ? `${range}, never flexible.`
    : `${range}, flexible from ${flexibleFrom}.`;
}

function fieldList(fields: readonly Field[]): string {
  const rows: string[][] = [];
  const visit = (list: readonly Field[], indent: string) => {
    for (const field of list) {
      const facts = [field.versions, field.tag === undefined ? '' : `tag ${field.tag}`];
      if (field.default !== undefined) facts.push(`default ${defaultText(field)}`);
      const type = field.fields === undefined ? field.type : field.type.replace(/^\w+/, 'struct');
      rows.push([
        indent + field.name,
        type,
        facts.filter((fact) => fact !== '').join(', '),
        field.about,
      ]);
      if (field.fields !== undefined) visit(field.fields, `${indent}  `);
    }
  };
  visit(fields, '');
  if (rows.length === 0) return '```text\n(empty)\n```\n';
  const width = (column: number) => Math.max(...rows.map((row) => (row[column] as string).length));
  const widths = [width(0), width(1), width(2)];
  const lines = rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '),
  );
  return `\`\`\`text\n${lines.map((line) => line.trimEnd()).join('\n')}\n\`\`\`\n`;
}

function defaultText(field: Field): string {
  return field.default === '' ? 'empty' : String(field.default);
}
