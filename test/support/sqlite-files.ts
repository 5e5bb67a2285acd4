import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Temporary SQLite files, each in a directory of its own, removed by {@link remove}. */
export class SqliteFiles {
  private readonly directories: string[] = [];

  /** @returns the path of a file that does not exist yet */
  async create(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'dispatch-sqlite-'));
    this.directories.push(directory);
    return join(directory, 'dispatch.db');
  }

  async remove(): Promise<void> {
    for (const directory of this.directories.splice(0)) await rm(directory, { recursive: true, force: true });
  }
}
