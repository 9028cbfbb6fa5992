import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { MissingTool, runProgram, type TempFolder, tempFolder } from '@millrace/testing';

/** Refuses, with the reason, where a check may not mount file systems. @throws MissingTool */
export async function requireMounts(tools: readonly string[]): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new MissingTool('mount', 'needs Linux and root');
  }
  for (const tool of tools) await requireProgram(tool, ['-V']);
}

/** @throws MissingTool when the program cannot be started. */
export async function requireProgram(tool: string, argv: readonly string[]): Promise<void> {
  try {
    await runProgram(tool, argv, { anyCode: true });
  } catch {
    throw new MissingTool(tool, 'not on the path');
  }
}

/** A mounted file system in a temporary folder. `remove` always leaves nothing behind. */
abstract class MountedFolder {
  /** Where it is mounted. */
  readonly path: string;
  protected readonly folder: TempFolder;

  protected constructor(folder: TempFolder) {
    this.folder = folder;
    this.path = path.join(folder.path, 'mounted');
    mkdirSync(this.path);
  }

  async unmount(): Promise<void> {
    await runProgram('umount', [this.path]);
  }

  async remove(): Promise<void> {
    // Lazily, so that a file somebody still holds does not keep the mount.
    await runProgram('umount', ['-l', this.path], { anyCode: true });
    this.folder.remove();
  }
}

/** An ext4 file system in a sparse file, whose power can be cut. */
export class LoopDisk extends MountedFolder {
  static async create(sizeMebibytes: number): Promise<LoopDisk> {
    await requireMounts(['mkfs.ext4', 'xfs_io']);
    const disk = new LoopDisk(tempFolder('loop-disk'));
    try {
      await runProgram('truncate', ['-s', `${sizeMebibytes}M`, disk.#image]);
      await runProgram('mkfs.ext4', ['-q', '-F', disk.#image]);
      await disk.mount();
      return disk;
    } catch (error) {
      disk.folder.remove();
      throw error;
    }
  }

  get #image(): string {
    return path.join(this.folder.path, 'image');
  }

  async mount(): Promise<void> {
    await runProgram('mount', ['-o', 'loop', this.#image, this.path]);
  }

  /**
   * From here on nothing reaches the disk: what was not flushed is gone, the journal's last transaction
   * included. Unmount and mount to see what is left.
   */
  async cutPower(): Promise<void> {
    await runProgram('xfs_io', ['-x', '-c', 'shutdown', this.path]);
  }
}

/** A file system in memory that is soon full. */
export class SmallDisk extends MountedFolder {
  static async create(sizeMebibytes: number): Promise<SmallDisk> {
    await requireMounts([]);
    const disk = new SmallDisk(tempFolder('small-disk'));
    try {
      const size = `size=${sizeMebibytes}m`;
      await runProgram('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk.path]);
      return disk;
    } catch (error) {
      disk.folder.remove();
      throw error;
    }
  }

  /** Makes it larger. */
  async grow(sizeMebibytes: number): Promise<void> {
    await runProgram('mount', ['-o', `remount,size=${sizeMebibytes}m`, this.path]);
  }
}
