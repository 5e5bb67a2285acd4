import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';

/**
 * Runs npm and waits for it.
 *
 * @param {string[]} args
 * @param {{ cwd: string, binFolder?: string, env?: Record<string, string> }} options `binFolder`: comes first on the
 *   PATH, so that npm and what it starts run on the Node in it
 * @returns {Promise<string>} its standard output
 */
export function npm(args, { cwd, binFolder, env = {} }) {
  const path = binFolder ? `${binFolder}${delimiter}${process.env.PATH}` : process.env.PATH;
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd,
      shell: process.platform === 'win32',
      env: { ...process.env, ...env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let all = '';
    child.stdout.on('data', (chunk) => ((out += chunk), (all += chunk)));
    child.stderr.on('data', (chunk) => (all += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`"npm ${args.join(' ')}" in ${cwd} ended with ${code}:\n${all.slice(-4000)}`));
    });
  });
}
