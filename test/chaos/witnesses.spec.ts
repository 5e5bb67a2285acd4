import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { figures } from './figures.js';
import { readJudgeLog } from './judge-log.js';
import { MadeUpRun } from './made-up-run.js';

describe('the log that handlers write', () => {
  let folder = '';
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'dispatch-judge-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const line = { event: 'start', id: 'job_1', attempt: 1, lease: 'wkr_1', pid: 1, at: 5, n: 1 };

  it('is read from the files of all processes, without the line that a killed one could not finish', async () => {
    const whole = JSON.stringify(line);
    await writeFile(join(folder, 'judge-1.jsonl'), `${whole}\n${whole.slice(0, 20)}`);
    await writeFile(join(folder, 'judge-2.jsonl'), `${whole}\n${whole}\n`);
    await writeFile(join(folder, 'workers.stderr'), 'something else\n');
    expect(await readJudgeLog(folder)).toEqual([line, line, line]);
  });

  it('is no evidence when a line in the middle is torn', async () => {
    await writeFile(join(folder, 'judge-3.jsonl'), `{"event"\n${JSON.stringify(line)}\n`);
    await expect(readJudgeLog(folder)).rejects.toThrow('judge-3.jsonl, line 1 cannot be read: {"event"');
  });
});

it('the clock of a worker process is off in all its threads', () => {
  const program = `
    const { Worker } = require('node:worker_threads');
    const print = 'console.log(Date.now() - performance.timeOrigin - performance.now(), new Date() - Date.now(), +new Date(5));';
    eval(print);
    new Worker(print, { eval: true });`;
  const shift = fileURLToPath(new URL('clock-shift.cjs', import.meta.url));
  const env = { ...process.env, CHAOS_WORKER: JSON.stringify({ offsetMs: -600_000 }) };
  const lines = execFileSync(process.execPath, ['--require', shift, '-e', program], { env, encoding: 'utf8' })
    .trim()
    .split('\n');
  const seen = lines.map((text) => text.split(' ').map(Number));
  const off = expect.closeTo(-600_000, -4);
  expect(seen).toEqual([
    [off, expect.closeTo(0, -3), 5],
    [off, expect.closeTo(0, -3), 5],
  ]);
});

describe('the time from kill to rescue', () => {
  it('is that from the end of a process to the moment at which the store took its attempts back', () => {
    const run = new MadeUpRun();
    const lost = { code: 'WORKER_LOST' };
    for (let n = 1; n <= 100; n++) {
      const job = run.job(n, { maxRetries: 5 });
      run.fail(job, 1, 0, { ...lost, at: 10_000 + n });
      // Frozen, and killed only after it had been rescued from: no such time.
      run.fail(job, 2, 0, { ...lost, at: 9_000 });
      // It failed by itself.
      run.fail(job, 3, 0, { at: 99_000 });
    }
    const killed = { how: 'killed', code: 'SIGKILL', at: 10_000 } as const;
    run.deaths.push({ ...killed, pid: 101 }, { ...killed, pid: 102 }, { ...killed, pid: 103 });
    expect(new Map(figures(run.evidence())).get('from kill to rescue')).toBe(
      'p50 50 ms, p99 99 ms, max 100 ms (100 jobs)',
    );
  });
});
