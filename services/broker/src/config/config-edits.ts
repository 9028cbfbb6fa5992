import { ConfigError, type ConfigRow } from '@millrace/base';
import { topicConfigOf, topicConfigs } from './topic-config.ts';

/** Edits of IncrementalAlterConfigs, numbered as on the wire. */
export const ConfigOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/** The edits contradict each other or say nothing, whatever the config. */
export class ConfigEditError extends ConfigError {}

export interface ConfigEdit {
  readonly name: string;
  /** A `ConfigOperation`. */
  readonly operation: number;
  readonly value: string | null;
}

/** A name and what it is set to; null means "no value" and is refused. */
export interface ConfigSetting {
  readonly name: string;
  readonly value: string | null;
}

type Rows = ReadonlyMap<string, ConfigRow<unknown>>;

/** The override set after these edits. `effective` gives the value that append and subtract start from. @throws ConfigError */
export function editedOverrides(
  current: ReadonlyMap<string, string>,
  edits: readonly ConfigEdit[],
  rows: Rows,
  effective: (name: string) => string | null,
): Map<string, string> {
  const next = new Map(current);
  const seen = new Set<string>();
  for (const edit of edits) {
    if (seen.has(edit.name)) {
      throw new ConfigEditError(edit.name, `Error due to duplicate config keys: ${edit.name}`);
    }
    seen.add(edit.name);
    applyEdit(next, edit, rows.get(edit.name), effective);
  }
  return next;
}

function applyEdit(
  next: Map<string, string>,
  edit: ConfigEdit,
  row: ConfigRow<unknown> | undefined,
  effective: (name: string) => string | null,
): void {
  if (edit.operation === ConfigOperation.delete) {
    next.delete(edit.name);
    return;
  }
  if (edit.value === null)
    throw new ConfigEditError(edit.name, `Null value not supported for : ${edit.name}`);
  if (edit.operation === ConfigOperation.set) {
    next.set(edit.name, edit.value);
    return;
  }
  if (edit.operation !== ConfigOperation.append && edit.operation !== ConfigOperation.subtract) {
    throw new ConfigEditError(
      edit.name,
      `Unknown operation ${edit.operation} for config ${edit.name}`,
    );
  }
  if (row !== undefined && row.type !== 'list') {
    const verb = edit.operation === ConfigOperation.append ? 'APPEND' : 'SUBTRACT';
    throw new ConfigError(
      edit.name,
      `Can't ${verb} to key ${edit.name} because its type is not LIST.`,
    );
  }
  const items = splitList(next.get(edit.name) ?? effective(edit.name) ?? '');
  const named = splitList(edit.value);
  const result =
    edit.operation === ConfigOperation.append
      ? [...items, ...named.filter((item) => !items.includes(item))]
      : items.filter((item) => !named.includes(item));
  next.set(edit.name, result.join(','));
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** The override set of CreateTopics. @throws ConfigError for a null value. */
export function replacedOverrides(settings: readonly ConfigSetting[]): Map<string, string> {
  const next = new Map<string, string>();
  for (const { name, value } of settings) {
    if (value === null)
      throw new ConfigError(name, `Null value not supported for topic configs: ${name}`);
    next.set(name, value);
  }
  return next;
}

/** @throws ConfigError when this override set may not stand on a topic. */
export function checkTopicOverrides(overrides: ReadonlyMap<string, string>): void {
  for (const name of overrides.keys()) {
    if (!topicConfigs.byName.has(name)) {
      throw new ConfigError(name, `Unknown topic config name: ${name}`);
    }
  }
  const config = topicConfigOf(overrides, []);
  if (config.minCompactionLagMs > config.maxCompactionLagMs) {
    throw new ConfigError(
      'min.compaction.lag.ms',
      `conflict topic config setting min.compaction.lag.ms (${config.minCompactionLagMs}) > ` +
        `max.compaction.lag.ms (${config.maxCompactionLagMs})`,
    );
  }
  if (config.remoteStorageEnable) {
    throw new ConfigError('remote.storage.enable', 'Tiered storage is not offered by this broker.');
  }
}
