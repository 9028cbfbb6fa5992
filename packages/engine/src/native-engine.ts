import type { Engine } from './engine.ts';
import { EngineError, EngineErrorCode } from './engine-error.ts';
import type { ReactorOptions } from './reactor.ts';

/** The native body. @throws EngineError `nativeBinaryMissing` where there is none for this platform. */
export function openNativeEngine(_options: ReactorOptions): Engine {
  throw new EngineError(EngineErrorCode.nativeBinaryMissing, 'the native engine is not built');
}
