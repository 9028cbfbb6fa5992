import path from 'node:path';
import type { CommandHost } from '../process-host.ts';
import type { DumpContext } from './dump-context.ts';
import { DUMP_LOG_USAGE, parseDumpOptions } from './dump-options.ts';
import { dumpOffsetIndex, dumpTimeIndex } from './index-files.ts';
import { dumpLogFile } from './log-file.ts';
import { Problems } from './problems.ts';
import { type SegmentFile, withFile } from './segment-file.ts';
import { dumpProducerSnapshot, dumpTransactionIndex } from './side-files.ts';

/** Output is handed on in pieces of about this size: a line at a time is slow through a pipe. */
const OUTPUT_CHARACTERS = 65_536;

/**
 * `millrace dump-log`: prints what is in files of a partition, in the format of Kafka's DumpLogSegments. Only
 * reads, decodes as much as it can, and says at the end where it broke.
 *
 * @returns 1 when a file could not be read or an index failed its sanity check, else 0.
 * @throws UsageError
 */
export function runDumpLogCommand(argv: readonly string[], host: CommandHost): number {
  const options = parseDumpOptions(argv);
  if (options.isHelp) {
    host.out(DUMP_LOG_USAGE);
    return 0;
  }
  const problems = new Problems();
  const output = new LineBuffer((text) => host.out(text));
  const context: DumpContext = { options, problems, print: (line) => output.add(line) };
  let exitCode = 0;
  for (const file of options.files) {
    context.print(`Dumping ${file}`);
    try {
      withFile(file, (opened) => dumpFile(opened, context));
    } catch (error) {
      problems.other(file, (error as Error).message);
      exitCode = 1;
    }
  }
  output.flush();
  for (const line of problems.lines()) host.complain(line);
  return options.onlySanity && !problems.isEmpty ? 1 : exitCode;
}

type Dumper = (file: SegmentFile, context: DumpContext) => void;

const DUMPERS: Readonly<Record<string, Dumper>> = {
  '.log': dumpLogFile,
  '.index': dumpOffsetIndex,
  '.timeindex': dumpTimeIndex,
  '.txnindex': dumpTransactionIndex,
  '.snapshot': dumpProducerSnapshot,
};

function dumpFile(file: SegmentFile, context: DumpContext): void {
  const dump = DUMPERS[path.extname(file.name)];
  if (dump === undefined) context.problems.ignored(file.path);
  else dump(file, context);
}

class LineBuffer {
  readonly #write: (text: string) => void;
  #text = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  add(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= OUTPUT_CHARACTERS) this.flush();
  }

  flush(): void {
    if (this.#text !== '') this.#write(this.#text);
    this.#text = '';
  }
}
