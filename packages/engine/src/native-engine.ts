import type { Engine } from './engine.ts';
import { nativeBinary, toEngineError } from './native-binary.ts';
import { NativeReactor } from './native-reactor.ts';
import { NativeStore } from './native-store.ts';
import type { ReactorOptions } from './reactor.ts';

/** Opens an engine of the native core. Throws EngineError when descriptors or memory are lacking. */
export function openNativeEngine(options: ReactorOptions): Engine {
  try {
    const native = nativeBinary.openEngine(options);
    const reactor = new NativeReactor(native);
    return { reactor, store: new NativeStore(native), close: () => reactor.close() };
  } catch (error) {
    throw toEngineError(error);
  }
}
