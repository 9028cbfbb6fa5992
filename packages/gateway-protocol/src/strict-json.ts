import { JSON_DEPTH_MAX } from './limits.ts';

/** What JSON text can hold; objects have no prototype. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/**
 * Text that is not to be read: not JSON, or JSON beyond its bounds. Thrown, but no Error: nobody sees
 * where it came from, and to find that out costs more than to read the message.
 */
export class JsonProblem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Names that reach a prototype in careless code. */
const FORBIDDEN: readonly string[] = ['__proto__', 'constructor', 'prototype'];
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEX = /[0-9a-fA-F]{4}/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads JSON values one by one from a text (RFC 8259). `JSON.parse` would do, if it told duplicate
 * members from single ones and could be held to a depth and a number of members.
 */
export class StrictJson {
  readonly #text: string;
  #membersLeft: number;
  #depth = 0;
  /** Index of the next character. */
  at = 0;
  /** Name of a member that an object had twice, since it was last set to null. */
  duplicate: string | null = null;

  constructor(text: string, membersMax: number) {
    this.#text = text;
    this.#membersLeft = membersMax;
  }

  /** @throws JsonProblem */
  value(): JsonValue {
    this.#space();
    const first = this.#text[this.at];
    switch (first) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
    }
    return Number(this.#match(NUMBER, 'a value is missing'));
  }

  #object(): JsonObject {
    const object: Record<string, JsonValue> = Object.create(null);
    this.#enter();
    if (!this.#take('}')) {
      do {
        this.#space();
        if (this.#text[this.at] !== '"') throw new JsonProblem('a member has no name');
        const name = this.#string();
        if (FORBIDDEN.includes(name)) throw new JsonProblem('a forbidden member name');
        if (--this.#membersLeft < 0) throw new JsonProblem('too many members');
        if (!this.#take(':')) throw new JsonProblem('a member has no value');
        const value = this.value();
        if (name in object) this.duplicate = name;
        else object[name] = value;
      } while (this.#take(','));
      if (!this.#take('}')) throw new JsonProblem('an object does not end');
    }
    this.#depth--;
    return object;
  }

  #array(): JsonValue[] {
    const values: JsonValue[] = [];
    this.#enter();
    if (!this.#take(']')) {
      do values.push(this.value());
      while (this.#take(','));
      if (!this.#take(']')) throw new JsonProblem('an array does not end');
    }
    this.#depth--;
    return values;
  }

  #enter(): void {
    this.at++;
    if (++this.#depth > JSON_DEPTH_MAX) throw new JsonProblem('nested too deeply');
  }

  #string(): string {
    this.at++;
    let text = this.#plain();
    while (this.#text[this.at] === '\\') text += this.#escape() + this.#plain();
    if (this.#text[this.at++] !== '"') throw new JsonProblem('a string does not end');
    if (!text.isWellFormed()) throw new JsonProblem('a lone surrogate');
    return text;
  }

  /** A run of a string without escapes, quotes and control characters. */
  #plain(): string {
    const start = this.at;
    for (;;) {
      const code = this.#text.charCodeAt(this.at);
      // At the end of the text the code is NaN.
      if (!(code >= 0x20) || code === 0x22 || code === 0x5c) break;
      this.at++;
    }
    return this.#text.slice(start, this.at);
  }

  #escape(): string {
    const letter = this.#text[this.at + 1] ?? '';
    this.at += 2;
    if (letter === 'u')
      return String.fromCharCode(Number.parseInt(this.#match(HEX, 'a wrong escape'), 16));
    const character = ESCAPES[letter];
    if (character === undefined) throw new JsonProblem('a wrong escape');
    return character;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.at)) throw new JsonProblem('a value is missing');
    this.at += word.length;
    return value;
  }

  #match(pattern: RegExp, problem: string): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new JsonProblem(problem);
    this.at += found.length;
    return found;
  }

  /** Passes over white space and then over `character`, if it stands there. */
  #take(character: string): boolean {
    this.#space();
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }
}
