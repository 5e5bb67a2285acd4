// What `npm pack` would ship: the compiled library, the README and the licence, and every entry that package.json names.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [{ files }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  }),
);
const shipped = new Set(files.map(({ path }) => path));
const problems = [];

for (const path of shipped) {
  const known =
    path === 'package.json' || path === 'README.md' || path === 'LICENSE' || /^dist\/.+\.(js|d\.ts)$/.test(path);
  if (!known) problems.push(`${path} should not be shipped`);
}
const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const [name, path] of Object.entries(bin)) {
  if (!shipped.has(path)) problems.push(`the command "${name}" is ${path}, which is not shipped`);
}
for (const [name, target] of Object.entries(exports)) {
  for (const path of Object.values(typeof target === 'string' ? { default: target } : target)) {
    if (!shipped.has(path.replace(/^\.\//, '')))
      problems.push(`the entry "${name}" names ${path}, which is not shipped`);
  }
}

// Every entry loads by `import` and by `require`.
const require = createRequire(import.meta.url);
for (const name of Object.keys(exports).filter((entry) => entry !== './package.json')) {
  const id = `nestjs-dispatch${name.slice(1)}`;
  try {
    await import(id);
    require(id);
  } catch (error) {
    problems.push(`${id} does not load: ${error.message}`);
  }
}
for (const problem of problems) console.error(problem);
console.log(`${shipped.size} files would be shipped, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
