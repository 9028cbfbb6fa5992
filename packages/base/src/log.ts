import { type Clock, systemClock } from './clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogField = string | number | boolean | null | undefined | Error;
export type LogFields = Readonly<Record<string, LogField>>;

/** Takes one finished line, without its line end. */
export type LogSink = (line: string, level: LogLevel) => void;

export interface LoggerOptions {
  /** `info` when absent. */
  readonly level?: LogLevel;
  /** Standard error when absent. */
  readonly sink?: LogSink;
  readonly clock?: Clock;
  /** Fields on every line. */
  readonly fields?: LogFields;
}

/** One event, one line: `2026-01-31T12:00:00.000Z INFO text key=value`. */
export interface Logger {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** The same logger with more fields on every line. */
  child(fields: LogFields): Logger;
  /**
   * Warns at most once per key and minute. The next line that gets through says in `suppressed` how many
   * did not. For events that a peer can cause.
   */
  warnLimited(key: string, text: string, fields?: LogFields): void;
}

/** Keys that `warnLimited` remembers; beyond, all new keys share one minute. */
const MAX_LIMITED_KEYS = 1000;
const LIMIT_PERIOD_MS = 60_000;
const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

interface LimitState {
  untilMs: number;
  suppressedCount: number;
}

export function createLogger(options: LoggerOptions = {}): Logger {
  return new LineLogger({
    rank: RANK[options.level ?? 'info'],
    sink: options.sink ?? writeToStandardError,
    clock: options.clock ?? systemClock,
    fields: options.fields ?? {},
    limits: new Map(),
  });
}

interface LoggerParts {
  readonly rank: number;
  readonly sink: LogSink;
  readonly clock: Clock;
  readonly fields: LogFields;
  readonly limits: Map<string, LimitState>;
}

class LineLogger implements Logger {
  readonly #parts: LoggerParts;

  constructor(parts: LoggerParts) {
    this.#parts = parts;
  }

  debug(text: string, fields?: LogFields): void {
    this.#write('debug', text, fields);
  }

  info(text: string, fields?: LogFields): void {
    this.#write('info', text, fields);
  }

  warn(text: string, fields?: LogFields): void {
    this.#write('warn', text, fields);
  }

  error(text: string, fields?: LogFields): void {
    this.#write('error', text, fields);
  }

  child(fields: LogFields): Logger {
    return new LineLogger({ ...this.#parts, fields: { ...this.#parts.fields, ...fields } });
  }

  warnLimited(key: string, text: string, fields?: LogFields): void {
    const { limits, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const known = limits.get(key);
    if (known !== undefined && nowMs < known.untilMs) {
      known.suppressedCount++;
      return;
    }
    if (known === undefined && limits.size >= MAX_LIMITED_KEYS) {
      for (const [old, state] of limits) if (nowMs >= state.untilMs) limits.delete(old);
      if (limits.size >= MAX_LIMITED_KEYS && key !== '') {
        this.warnLimited('', text, fields);
        return;
      }
    }
    limits.set(key, { untilMs: nowMs + LIMIT_PERIOD_MS, suppressedCount: 0 });
    const suppressed = known?.suppressedCount ?? 0;
    this.#write('warn', text, suppressed === 0 ? fields : { ...fields, suppressed });
  }

  #write(level: LogLevel, text: string, fields: LogFields | undefined): void {
    const parts = this.#parts;
    if (RANK[level] < parts.rank) return;
    const time = new Date(parts.clock.nowMs()).toISOString();
    let line = `${time} ${level.toUpperCase()} ${oneLine(text)}`;
    for (const [name, value] of Object.entries(parts.fields)) line += fieldText(name, value);
    for (const [name, value] of Object.entries(fields ?? {})) line += fieldText(name, value);
    parts.sink(line, level);
  }
}

function fieldText(name: string, value: LogField): string {
  if (value === undefined) return '';
  if (value instanceof Error) return ` ${name}=${quoted(value.stack ?? value.message)}`;
  return ` ${name}=${typeof value === 'string' ? quoted(value) : String(value)}`;
}

/** Bare when it reads unambiguously, else as JSON, so that no value can forge a line or a field. */
function quoted(text: string): string {
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}

function writeToStandardError(line: string): void {
  console.error(line);
}

/** Says nothing; for tests. */
export const silentLogger: Logger = createLogger({ level: 'silent', sink: () => {} });
