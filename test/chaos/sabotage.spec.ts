import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { SABOTAGES } from './sabotage.js';
import { RULES } from './verdict.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
}

/** Runs a program in a process of its own, which is told to end with the test. */
function run(signal: AbortSignal, program: string, ...args: string[]): Promise<Ended> {
  return promisify(execFile)(process.execPath, [join(root, program), ...args], { cwd: root, signal }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => error as Ended,
  );
}

/** What `npm run chaos` does. */
async function chaos(signal: AbortSignal, ...args: string[]): Promise<Ended> {
  const compiled = await run(signal, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.chaos.json');
  return compiled.code === 0 ? run(signal, 'dist-chaos/test/chaos/main.js', ...args) : compiled;
}

it(
  'a run on a store that does everything wrong breaks the rule of each fault, and fails',
  {
    timeout: 240_000,
  },
  async ({ signal }) => {
    const size = ['--workers', '3', '--seconds', '5', '--jobs', '1200'];
    const { code, stdout } = await chaos(signal, ...size, '--seed', '5', '--sabotage', 'all');
    const folder = /^database and logs are in (\S+)$/m.exec(stdout)?.[1];
    if (folder) await rm(folder, { recursive: true, force: true });

    const lines = stdout.split('\n');
    const violations = (text: string): number =>
      Number(lines.find((line) => line.startsWith(`${text}  `))?.slice(text.length) ?? 0);
    const unnoticed = Object.entries(SABOTAGES).filter(([, rule]) => violations(RULES[rule]) === 0);
    expect(unnoticed, stdout).toEqual([]);
    expect(stdout).toContain('verdict: VIOLATED');
    expect(code).toBe(1);
  },
);
