import { describe, expect, it } from 'vitest';
import { readStaticConfig } from '../config/config-file.ts';
import { DynamicConfig } from '../config/dynamic-config.ts';
import { reactorOptionsOf } from './reactor-options.ts';

const optionsOf = (...overrides: string[]) =>
  reactorOptionsOf(new DynamicConfig(readStaticConfig({ overrides }).values).config);

describe('socket buffers', () => {
  it('are received into as the system sizes them, unless another size is asked for', () => {
    const received = (bytes: number) =>
      optionsOf(`socket.receive.buffer.bytes=${bytes}`).receiveBufferBytes;
    expect(optionsOf().receiveBufferBytes).toBe(-1);
    expect([-1, 102_400, 65_536, 1_048_576].map(received)).toEqual([-1, -1, 65_536, 1_048_576]);
  });

  it('are sent from in Kafka’s size, unless another is asked for', () => {
    expect(optionsOf().sendBufferBytes).toBe(102_400);
    expect(optionsOf('socket.send.buffer.bytes=-1').sendBufferBytes).toBe(-1);
  });
});
