import { EngineError, EngineErrorCode } from '@millrace/engine';
import { expect, test } from 'vitest';
import { describeBug, describeStartFailure } from './failure-text.ts';

test('a taken port comes with what to do about it', () => {
  const error = new EngineError(EngineErrorCode.addressInUse, '127.0.0.1:9092 is taken');
  expect(describeStartFailure(error)).toMatch(
    /^127\.0\.0\.1:9092 is taken\. Stop .*--override listeners=/,
  );
});

test('so does one of the gateway', () => {
  const error = Object.assign(new Error('Cannot listen on 127.0.0.1:8089: taken.'), {
    name: 'ListenError',
  });
  expect(describeStartFailure(error)).toMatch(/^Cannot listen .*: taken\. Stop .*gateway\.listen=/);
});

test('a refusal is its sentence, on one line', () => {
  expect(describeStartFailure(new Error('broker.id\nis not a number'))).toBe(
    'broker.id is not a number',
  );
});

test('a bug says what and where', () => {
  const text = describeStartFailure(new TypeError('x is not a function'));
  expect(text).toMatch(/^TypeError: x is not a function \(at .*failure-text\.test\.ts.*\)$/);
  expect(describeBug('thrown text')).toBe('thrown text');
});
