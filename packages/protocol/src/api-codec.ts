import type { Reader, Writer } from '@millrace/bytes';

/** One API with its four codecs. `Input` types are what the encoders take: defaults may be left out. */
export interface ApiCodec<Request, Response, RequestInput = Request, ResponseInput = Response> {
  readonly key: number;
  readonly name: string;
  /** Versions that the codecs speak; what a broker serves is its own business. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** First version with compact lengths and tagged fields; Infinity when never. */
  readonly flexibleFrom: number;
  readonly decodeRequest: (reader: Reader, version: number) => Request;
  readonly encodeRequest: (writer: Writer, value: RequestInput, version: number) => void;
  readonly decodeResponse: (reader: Reader, version: number) => Response;
  readonly encodeResponse: (writer: Writer, value: ResponseInput, version: number) => void;
}

/** The facts of an API without its codecs. */
export interface ApiSpec {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly flexibleFrom: number;
}
