import { describe, expect, it } from 'vitest';
import { readStaticConfig } from '../config/config-file.ts';
import { DynamicConfig } from '../config/dynamic-config.ts';
import { reactorOptionsOf } from './reactor-options.ts';

const optionsOf = (...overrides: string[]) =>
  reactorOptionsOf(new DynamicConfig(readStaticConfig({ overrides }).values).config);

describe('socket buffers', () => {
  it('are received into as the system sizes them, unless a size is asked for', () => {
    expect(optionsOf().receiveBufferBytes).toBe(-1);
    expect(optionsOf('socket.receive.buffer.bytes=102400').receiveBufferBytes).toBe(102_400);
  });

  it('are sent from in Kafka’s size, so that clients who do not read cost the kernel little', () => {
    expect(optionsOf().sendBufferBytes).toBe(102_400);
    expect(optionsOf('socket.send.buffer.bytes=-1').sendBufferBytes).toBe(-1);
  });
});
