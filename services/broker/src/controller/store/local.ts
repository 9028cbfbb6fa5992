import { crc32c } from '@millrace/bytes';

/** The durable small files of a log dir. */
export interface MetadataFiles {
  /** null when there is no such file. */
  readFile(name: string): Promise<Uint8Array | null>;
  /** Resolves when the content is on the device, whole or not at all. */
  writeFile(name: string, bytes: Uint8Array): Promise<void>;
}

export interface StoredTopic {
  readonly name: string;
  readonly id: string;
  readonly partitionCount: number;
  readonly overrides: ReadonlyMap<string, string>;
  /** The tombstone of a topic whose directories may still be there. */
  readonly isDeleting: boolean;
}

/** What outlives the process. */
export interface StoredMetadata {
  readonly topics: Map<string, StoredTopic>;
  /** Dynamic overrides of this broker, and of every broker. */
  brokerOverrides: ReadonlyMap<string, string>;
  clusterOverrides: ReadonlyMap<string, string>;
}

/** A change to the stored metadata; `undo` takes it back when it could not be written. */
export interface MetadataChange {
  readonly apply: (metadata: StoredMetadata) => void;
  readonly undo: (metadata: StoredMetadata) => void;
}

/** The metadata file says something that this version cannot stand by. */
export class MetadataFileError extends Error {
  override readonly name = 'MetadataFileError';
}

export const METADATA_FILE = 'millrace.metadata';
const FORMAT_VERSION = 1;

interface Waiter {
  readonly change: MetadataChange;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Metadata of a single node: one file of JSON lines in the first log dir, closed by a line with the count
 * and CRC32C of the others, rewritten whole and durably. Changes that arrive while a write is under way
 * share the next one.
 */
export class LocalMetadataStore {
  readonly metadata: StoredMetadata = {
    topics: new Map(),
    brokerOverrides: new Map(),
    clusterOverrides: new Map(),
  };
  readonly #files: MetadataFiles;
  #waiting: Waiter[] = [];
  #writing: Promise<void> | null = null;

  constructor(files: MetadataFiles) {
    this.#files = files;
  }

  /** Reads the file. False when there is none. @throws MetadataFileError, EngineError */
  async load(): Promise<boolean> {
    const bytes = await this.#files.readFile(METADATA_FILE);
    if (bytes === null) return false;
    readInto(this.metadata, bytes);
    return true;
  }

  /** Applies a change and resolves when it is on the device; undone before it rejects. */
  update(change: MetadataChange): Promise<void> {
    change.apply(this.metadata);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Resolves when nothing is left to write. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // One turn later, so that changes of the same tick share the first write.
    await null;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#files.writeFile(METADATA_FILE, format(this.metadata));
        for (const waiter of group) waiter.resolve();
      } catch (error) {
        for (const waiter of group.reverse()) {
          waiter.change.undo(this.metadata);
          waiter.reject(error);
        }
      }
    }
    this.#writing = null;
  }
}

function format(metadata: StoredMetadata): Uint8Array {
  const lines: unknown[] = [{ format: METADATA_FILE, version: FORMAT_VERSION }];
  for (const topic of metadata.topics.values()) {
    lines.push({
      topic: topic.name,
      id: topic.id,
      partitions: topic.partitionCount,
      configs: Object.fromEntries(topic.overrides),
      ...(topic.isDeleting ? { deleting: true } : {}),
    });
  }
  lines.push({ brokerConfigs: Object.fromEntries(metadata.brokerOverrides) });
  lines.push({ clusterConfigs: Object.fromEntries(metadata.clusterOverrides) });
  const body = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
  const bytes = new TextEncoder().encode(body);
  const end = JSON.stringify({ lines: lines.length, crc32c: crc32c(bytes) });
  return new TextEncoder().encode(`${body}${end}\n`);
}

type JsonLine = Readonly<Record<string, unknown>>;

function readInto(metadata: StoredMetadata, bytes: Uint8Array): void {
  const [header, ...lines] = checkedLines(bytes);
  if (header?.format !== METADATA_FILE || header.version !== FORMAT_VERSION) {
    throw new MetadataFileError(`${METADATA_FILE} is of a version that this broker does not know`);
  }
  for (const line of lines) {
    if (typeof line.topic === 'string') {
      const topic = readTopic(line.topic, line);
      metadata.topics.set(topic.name, topic);
    } else if ('brokerConfigs' in line) {
      metadata.brokerOverrides = readTexts(line.brokerConfigs);
    } else if ('clusterConfigs' in line) {
      metadata.clusterOverrides = readTexts(line.clusterConfigs);
    } else {
      throw new MetadataFileError(`${METADATA_FILE} has a line that this broker does not know`);
    }
  }
}

/** The lines before the last, once the last has vouched for them. */
function checkedLines(bytes: Uint8Array): JsonLine[] {
  const text = new TextDecoder().decode(bytes);
  const bodyEnd = text.lastIndexOf('\n', text.length - 2) + 1;
  const body = text.slice(0, bodyEnd);
  try {
    const end = JSON.parse(text.slice(bodyEnd)) as JsonLine;
    const lines = body.trimEnd().split('\n');
    if (end.lines === lines.length && end.crc32c === crc32c(new TextEncoder().encode(body))) {
      return lines.map((line) => JSON.parse(line) as JsonLine);
    }
  } catch {
    // Falls through to the one refusal below.
  }
  throw new MetadataFileError(`${METADATA_FILE} is damaged: its checksum does not match`);
}

function readTopic(name: string, line: JsonLine): StoredTopic {
  if (typeof line.id !== 'string' || typeof line.partitions !== 'number') {
    throw new MetadataFileError(`${METADATA_FILE} has no id or partitions for topic ${name}`);
  }
  return {
    name,
    id: line.id,
    partitionCount: line.partitions,
    overrides: readTexts(line.configs),
    isDeleting: line.deleting === true,
  };
}

function readTexts(value: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries((value ?? {}) as JsonLine);
  return new Map(entries.map(([name, text]) => [name, String(text)]));
}
