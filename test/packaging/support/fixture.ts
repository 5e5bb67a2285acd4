import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** How a command ended, with all it wrote. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** An application of its own that has the packed library installed. */
export interface Fixture {
  readonly folder: string;
  /** Runs a program of its `node_modules/.bin`. */
  bin(name: string, ...args: string[]): Promise<Ended>;
  node(...args: string[]): Promise<Ended>;
  /** Brings a package with native parts from the repository, which has compiled it already. */
  borrow(...packages: string[]): Promise<void>;
}

/** Compiles and packs the library. @returns the path of the tarball */
export async function packLibrary(folder: string): Promise<string> {
  const { code, output } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], root);
  if (code !== 0) throw new Error(`npm pack failed:\n${output}`);
  const name = /"filename": "([^"]+)"/.exec(output)?.[1];
  if (!name) throw new Error(`npm pack named no file:\n${output}`);
  return join(folder, name);
}

/** Installs an application by its lockfile, then the tarball, as a user would. */
export async function installFixture(name: string, tarball: string): Promise<Fixture> {
  const folder = join(dirname(tarball), name);
  await rm(folder, { recursive: true, force: true });
  await cp(join(root, 'test', 'packaging', name), folder, { recursive: true });
  await must('npm', ['ci', '--no-audit', '--no-fund', '--prefer-offline'], folder);
  await must('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', tarball], folder);
  return {
    folder,
    bin: (program, ...args) => run(join(folder, 'node_modules', '.bin', program), args, folder),
    node: (...args) => run(process.execPath, args, folder),
    borrow: async (...packages) => {
      for (const each of packages) {
        const from = join(root, 'node_modules', each);
        await cp(from, join(folder, 'node_modules', each), { recursive: true, dereference: true });
      }
    },
  };
}

async function must(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${output}`);
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  // What the test runner sets for itself must not reach the applications.
  const { NODE_OPTIONS: _options, NODE_ENV: _env, VITEST: _vitest, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
      resolve({ code, output: `${stdout}${stderr}` });
    });
  });
}
