import { AssertionFailure } from '@millrace/base';
import { EngineError, EngineErrorCode } from '@millrace/engine';

/** What the operator can do about failures that have one usual cause. */
const ADVICE: Readonly<Partial<Record<number, string>>> = {
  [EngineErrorCode.addressInUse]:
    'Stop what listens there, or choose another port: --override listeners=PLAINTEXT://127.0.0.1:9192',
  [EngineErrorCode.dirLocked]:
    'Another broker uses that directory: stop it, or choose another one: --override log.dirs=./other-data',
};

/** One line for an error that ended the start of a broker. */
export function describeStartFailure(error: unknown): string {
  if (isBug(error)) return describeBug(error);
  const text = (error as Error).message.split('\n').join(' ');
  const advice = adviceOn(error as Error);
  return advice === undefined ? text : `${text.replace(/\.$/, '')}. ${advice}`;
}

function adviceOn(error: Error): string | undefined {
  if (error instanceof EngineError) return ADVICE[error.code];
  // By its name: the gateway is not loaded for it.
  if (error.name !== 'ListenError') return undefined;
  return 'Stop what listens there, or choose another port: --override gateway.listen=127.0.0.1:8189';
}

/** One line for an error that nobody expected: what, and where in the code. */
export function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '));
  const text = `${error.name}: ${error.message.split('\n').join(' ')}`;
  return place === undefined ? text : `${text} (${place.trim()})`;
}

function isBug(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    error instanceof AssertionFailure ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError
  );
}
