import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Compiles the library as it ships, for tests that run it in processes of their own. Inside the repository, so that its
 * packages are found.
 *
 * @returns the URL of its engine's entry, and what removes it all
 */
export async function buildLibrary(): Promise<{ readonly entry: string; readonly remove: () => Promise<void> }> {
  const folder = join(root, '.tmp', `test-library-${process.pid}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [
    compiler,
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    folder,
    '--noCheck',
  ]);
  return {
    entry: pathToFileURL(join(folder, 'engine', 'index.js')).href,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
