import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bootPostgres } from '../support/boot-postgres.js';
import { packLibrary } from './support/fixture.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** What `npm pack` made, in a folder where fixtures are installed. */
    readonly tarball: string;
    /** The address of a PostgreSQL server for the applications. */
    readonly applicationPostgresUrl: string;
  }
}

/** Packs the library as it would be published, and boots a PostgreSQL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'dispatch-packaging-'));
  const [server, tarball] = await Promise.all([bootPostgres(), packLibrary(folder)]);
  project.provide('applicationPostgresUrl', server.url);
  project.provide('tarball', tarball);
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
