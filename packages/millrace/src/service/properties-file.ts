import { readFile } from 'node:fs/promises';
import { UsageError } from '../usage-error.ts';

/** Content of a properties file; undefined without one. @throws UsageError when it cannot be read. */
export async function readPropertiesFile(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new UsageError(`cannot read ${file}: ${why}`);
  }
}
