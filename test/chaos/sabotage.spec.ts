import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { SABOTAGES } from './sabotage.js';
import { RULES } from './verdict.js';

interface Ended {
  readonly code: number;
  readonly stdout: string;
}

/** Runs the command as people do. */
function chaos(...args: string[]): Promise<Ended> {
  return promisify(execFile)('npm', ['run', '--silent', 'chaos', '--', ...args]).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => error as Ended,
  );
}

it(
  'a run on a store that does everything wrong breaks the rule of each fault, and fails',
  { timeout: 240_000 },
  async () => {
    const { code, stdout } = await chaos(
      '--workers',
      '3',
      '--seconds',
      '5',
      '--jobs',
      '1200',
      '--seed',
      '5',
      '--sabotage',
      'all',
    );
    const folder = /^database and logs are in (\S+)$/m.exec(stdout)?.[1];
    if (folder) await rm(folder, { recursive: true, force: true });

    const counts = new Map(
      Object.values(RULES).map((text) => [
        text,
        Number(
          stdout
            .split('\n')
            .find((line) => line.startsWith(`${text}  `))
            ?.slice(text.length),
        ),
      ]),
    );
    const unnoticed = Object.entries(SABOTAGES).filter(([, rule]) => !(counts.get(RULES[rule])! > 0));
    expect(unnoticed, stdout).toEqual([]);
    expect(stdout).toContain('verdict: VIOLATED');
    expect(code).toBe(1);
  },
);
