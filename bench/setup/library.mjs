import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { npm } from './npm.mjs';

/**
 * Builds the library, packs it as it would be published, and puts the packed files into the benchmark's node_modules,
 * unless they are there already.
 *
 * @param {string} folder of the benchmark, in the root of the repository
 */
export async function installLibrary(folder) {
  const root = join(folder, '..');
  const place = join(folder, 'node_modules', 'nestjs-dispatch');
  const stamp = join(place, '.bench-built');
  const wanted = fingerprint(root);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  if (!existsSync(join(root, 'node_modules'))) {
    console.error("bench: installing the library's dependencies ...");
    await npm(['ci'], { cwd: root });
  }
  console.error('bench: building and packing the library ...');
  const out = join(folder, 'out');
  mkdirSync(out, { recursive: true });
  // `npm pack` builds first (prepack). What the build prints comes before the list of packed files.
  const printed = await npm(['pack', '--json', '--pack-destination', out], { cwd: root });
  const name = /"filename":\s*"([^"]+\.tgz)"/.exec(printed)?.[1];
  if (!name) throw new Error(`"npm pack" did not say what it packed:\n${printed.slice(-2000)}`);
  checkDependencies(root, folder);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const tar = spawnSync('tar', ['-xzf', join(out, name), '-C', place, '--strip-components=1'], { stdio: 'inherit' });
  if (tar.status !== 0) throw new Error(`"tar" could not unpack ${name}${tar.error ? `: ${tar.error.message}` : ''}.`);
  writeFileSync(stamp, wanted);
}

/** What the library depends on is in the benchmark's own lockfile, so that all sides stay as they were measured. */
function checkDependencies(root, folder) {
  const read = (place) => JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
  const missing = Object.keys(read(root).dependencies ?? {}).filter((name) => !(name in read(folder).dependencies));
  if (missing.length > 0) {
    throw new Error(`the library depends on ${missing.join(', ')}: add it to bench/package.json as well.`);
  }
}

/** Of everything that the build reads. */
function fingerprint(root) {
  const hash = createHash('sha256');
  const files = readdirSync(join(root, 'lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of [...files, join(root, 'package.json'), join(root, 'tsconfig.build.json')]) {
    hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}
