import { parseArgs } from 'node:util';
import { UsageError } from '../usage-error.ts';

/** What turns the bytes of keys and values into text. */
export type RecordDecoder = 'plain' | 'offsets' | 'transactions';
/** How a plain key or value is shown, named as Kafka's decoder classes. */
export type ByteFormat = 'StringDecoder' | 'IntegerDecoder' | 'LongDecoder' | 'DefaultDecoder';

export interface DumpOptions {
  readonly isHelp: boolean;
  readonly files: readonly string[];
  /** Prints records, not only batches. */
  readonly isDeep: boolean;
  readonly printsContents: boolean;
  readonly printsMetadata: boolean;
  /** Checks index entries against the log without printing them. */
  readonly onlyVerifies: boolean;
  /** Checks an index by itself, as a broker does when it starts. */
  readonly onlySanity: boolean;
  /** How much of each log is read. */
  readonly bytesMax: number;
  /** Limit of one inflated batch. */
  readonly messageBytesMax: number;
  readonly decoder: RecordDecoder;
  readonly keyDecoder: ByteFormat;
  readonly valueDecoder: ByteFormat;
}

export const DUMP_LOG_USAGE = `Usage: millrace dump-log --files file1,file2,… [options]

Prints what is in .log, .index, .timeindex, .txnindex and .snapshot files. Only reads.

  --files f1,f2          the files, required
  --deep-iteration       prints each record
  --print-data-log       prints keys and values too
  --skip-record-metadata prints keys and values alone
  --offsets-decoder      keys and values are those of __consumer_offsets
  --transaction-log-decoder  keys and values are those of __transaction_state
  --key-decoder-class C, --value-decoder-class C
                         StringDecoder (default), IntegerDecoder, LongDecoder, DefaultDecoder (hexadecimal)
  --index-sanity-check   checks indexes by themselves
  --verify-index-only    checks indexes against their log, prints only what is wrong
  --max-bytes N          reads N bytes of each log
  --max-message-size N   largest inflated batch, 5242880
  --help                 prints this

Example:
  millrace dump-log --print-data-log --files data/orders-0/00000000000000000000.log
`;

const MAX_BYTES = 2_147_483_647;
const MAX_MESSAGE_BYTES = 5_242_880;
const DECODERS: readonly string[] = [
  'StringDecoder',
  'IntegerDecoder',
  'LongDecoder',
  'DefaultDecoder',
];

/** @throws UsageError with one sentence. */
export function parseDumpOptions(argv: readonly string[]): DumpOptions {
  const values = parse(argv);
  const isHelp = values.help;
  const files = (values.files ?? '').split(',').filter((file) => file !== '');
  if (files.length === 0 && !isHelp) throw new UsageError('--files is missing; try --help');
  const decoder = decoderOf(values['offsets-decoder'], values['transaction-log-decoder']);
  const printsContents =
    values['print-data-log'] ||
    decoder !== 'plain' ||
    values['key-decoder-class'] !== undefined ||
    values['value-decoder-class'] !== undefined;
  return {
    isHelp,
    files,
    printsContents,
    isDeep: values['deep-iteration'] || printsContents,
    printsMetadata: !values['skip-record-metadata'],
    onlyVerifies: values['verify-index-only'],
    onlySanity: values['index-sanity-check'],
    bytesMax: numberOf('max-bytes', values['max-bytes'], MAX_BYTES),
    messageBytesMax: numberOf('max-message-size', values['max-message-size'], MAX_MESSAGE_BYTES),
    decoder,
    keyDecoder: textDecoderOf(values['key-decoder-class']),
    valueDecoder: textDecoderOf(values['value-decoder-class']),
  };
}

function parse(argv: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        files: text,
        'deep-iteration': flag,
        'print-data-log': flag,
        'skip-record-metadata': flag,
        'offsets-decoder': flag,
        'transaction-log-decoder': flag,
        'key-decoder-class': text,
        'value-decoder-class': text,
        'index-sanity-check': flag,
        'verify-index-only': flag,
        'max-bytes': text,
        'max-message-size': text,
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function decoderOf(offsets: boolean, transactions: boolean): RecordDecoder {
  if (offsets && transactions) throw new UsageError('two decoders at once cannot be');
  if (offsets) return 'offsets';
  return transactions ? 'transactions' : 'plain';
}

function numberOf(name: string, text: string | undefined, initial: number): number {
  if (text === undefined) return initial;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`--${name} takes a number of bytes, not ${text}`);
  }
  return value;
}

/** Kafka's full class names are taken too; only the last part counts. */
function textDecoderOf(name: string | undefined): ByteFormat {
  const last = (name ?? 'StringDecoder').split('.').at(-1) ?? '';
  if (!DECODERS.includes(last)) {
    throw new UsageError(`there is no decoder ${name}; there are ${DECODERS.join(', ')}`);
  }
  return last as ByteFormat;
}
