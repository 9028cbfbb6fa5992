import type { ConfigRow } from './config-row.ts';
import type { ConfigRows, ConfigTable } from './define-config.ts';

/** A section of a reference page in Markdown, one table row per config, in the table's order. */
export function configReference(table: ConfigTable<ConfigRows>): string {
  const lines = [
    `## ${table.title}`,
    '',
    '| name | type | default | valid | changeable | what it does |',
    '|---|---|---|---|---|---|',
  ];
  for (const row of Object.values(table.rows)) lines.push(referenceLine(row));
  return `${lines.join('\n')}\n`;
}

function referenceLine(row: ConfigRow<unknown>): string {
  const sentence = row.hasNoEffect ? `${row.sentence} Accepted without effect.` : row.sentence;
  const synonyms = row.synonyms.map((synonym) => `\`${synonym.name}\``).join(', ');
  const cells = [
    `\`${row.name}\``,
    row.type,
    row.defaultText === null ? 'null' : row.defaultText === '' ? '""' : row.defaultText,
    row.validText,
    row.dynamic,
    synonyms === '' ? sentence : `${sentence} Falls back to ${synonyms}.`,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
