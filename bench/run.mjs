// What `npm run bench` starts, under whichever Node is at hand: makes ready what the benchmark needs, then hands over to
// the Node that all sides run on.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installDependencies } from './setup/dependencies.mjs';
import { installLibrary } from './setup/library.mjs';

const folder = import.meta.dirname;

try {
  const node = await installDependencies(folder);
  if (!process.argv.includes('--help')) await installLibrary(folder);
  const child = spawn(node, [join(folder, 'src', 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The child stops its servers by itself; we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('close', (code) => process.exit(code ?? 1));
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
