import { describe, expect, it } from 'vitest';
import { MadeUpRun } from './made-up-run.js';
import { type Evidence, RULES, type RuleName, judge } from './verdict.js';

/** The rules that the evidence breaks. */
const broken = (evidence: Evidence): RuleName[] =>
  judge(evidence).flatMap(({ rule, broken: texts }) => (texts.length > 0 ? [rule] : []));

/** Everything that may happen to jobs without being anybody's fault. */
function cleanRun(): MadeUpRun {
  const run = new MadeUpRun();
  run.complete(run.job(1), 1, 5);

  const hopeless = run.job(2, { kind: 'throw' });
  for (const attempt of [1, 2, 3]) run.fail(hopeless, attempt, attempt * 100);

  const rescued = run.job(3, { kind: 'sleep', delayMs: 1_000 });
  run.fail(rescued, 1, 1_000, WORKER_LOST);
  run.complete(rescued, 2, 2_500);
  // Killed between the commit and the note.
  run.log = run.log.filter(({ id, event }) => id !== rescued.id || event !== 'accepted');

  // The answer to its enqueue was lost.
  run.complete(run.job(4, { kind: 'unserialisable' }), 1, 5);
  run.acknowledged.delete(4);

  // Its worker went on after it had been given up: the store keeps the second attempt alone.
  const late = run.job(6, { kind: 'block-long' });
  run.fail(late, 1, 5, WORKER_LOST);
  run.complete(late, 2, 2_000);
  run.note(late, 1, 'end', 2_100);

  run.rolledBack.add(5);
  run.deaths.push({ pid: 101, at: 0, how: 'killed', code: 'SIGKILL' }, { pid: 102, at: 0, how: 'by-job', code: '42' });
  return run;
}

const WORKER_LOST = { name: 'WorkerLostError', message: 'lost', code: 'WORKER_LOST' };

/** What is done to a clean run, and each rule that this breaks: a second one where it cannot be helped. */
type Case = readonly [sentence: string, change: (run: MadeUpRun) => void, also?: readonly RuleName[]];

const job = (run: MadeUpRun, n: number) => run.jobs.find(({ payload }) => payload.n === n)!;

const CASES: Readonly<Record<RuleName, readonly Case[]>> = {
  lost: [
    ['an acknowledged job is missing', (run) => run.acknowledged.set(9, 'job_9')],
    [
      'an acknowledged job is still waiting',
      (run) => {
        run.job(9);
      },
      ['unfinished'],
    ],
    ['an acknowledged job still runs', (run) => (run.job(9).state = 'running'), ['unfinished']],
  ],
  unfinished: [
    [
      'a job is still waiting whose enqueue was not answered',
      (run) => {
        run.job(9);
        run.acknowledged.delete(9);
      },
    ],
  ],
  completedTwice: [
    [
      'two attempts were accepted',
      (run) => {
        run.complete(job(run, 1), 2, 50);
      },
    ],
    ['one attempt was accepted twice', (run) => run.note(job(run, 1), 1, 'accepted', 50)],
    ['an attempt was accepted and the store has another', (run) => run.note(job(run, 3), 1, 'accepted', 2_000)],
    ['an attempt was accepted and the store has none', (run) => run.note(job(run, 2), 3, 'accepted', 900)],
  ],
  neverReturned: [
    [
      'the kept attempt threw',
      (run) => (run.log = run.log.filter(({ id, event }) => id !== 'job_1' || event === 'start')),
      [],
    ],
    [
      'the kept attempt never started, but an earlier one returned',
      (run) => {
        const { id } = job(run, 6);
        run.log = run.log.filter((line) => line.id !== id || line.attempt === 1);
      },
    ],
  ],
  wrongResult: [
    ['a result is missing', (run) => (job(run, 1).result = undefined)],
    ['a result is that of another job', (run) => (job(run, 1).result = { n: 2 })],
    ['there is a result that cannot be', (run) => (job(run, 4).result = {})],
  ],
  rolledBack: [
    [
      'a job is stored',
      (run) => {
        run.complete(run.job(5), 1, 5);
      },
    ],
    [
      'a job ran and is gone',
      (run) => {
        const gone = run.job(5);
        run.complete(gone, 1, 5);
        run.jobs.splice(run.jobs.indexOf(gone), 1);
        run.acknowledged.delete(5);
      },
      ['completedTwice', 'unknownAttempt'],
    ],
  ],
  storedTwice: [
    [
      'one number has two jobs',
      (run) => {
        const twin = run.job(1);
        twin.id = 'job_1b' as typeof twin.id;
        run.complete(twin, 1, 9);
      },
    ],
  ],
  handedOutTwice: [
    ['an attempt started in two processes', (run) => run.note(job(run, 1), 1, 'start', 9, { lease: 'wkr_9', pid: 9 })],
    ['an attempt started twice in one process', (run) => run.note(job(run, 1), 1, 'start', 9)],
  ],
  unknownAttempt: [
    ['an attempt beyond the last one ran', (run) => run.note(job(run, 1), 2, 'start', 50)],
    [
      'a job ran that the store does not have',
      (run) => {
        const gone = run.job(9);
        run.note(gone, 1, 'start', 5);
        run.jobs.splice(run.jobs.indexOf(gone), 1);
        run.acknowledged.delete(9);
      },
    ],
  ],
  wrongPayload: [
    [
      'an attempt was given the payload of another job',
      (run) => (run.log = run.log.map((line) => (line.n === 1 ? { ...line, n: 2 } : line))),
    ],
  ],
  tooEarly: [
    [
      'a delay was cut short',
      (run) => (run.log = run.log.map((line) => (line.n === 3 ? { ...line, at: line.at - 600 } : line))),
    ],
    [
      'a job ran ten minutes early, by the clock of a worker',
      (run) => {
        run.complete(run.job(9, { delayMs: 900_000 }), 1, 300_000);
      },
    ],
    [
      'a backoff was cut short',
      (run) => {
        const hasty = run.job(9, { kind: 'throw', backoffMs: 900 });
        run.fail(hasty, 1, 0);
        run.complete(hasty, 2, 300);
      },
    ],
  ],
  tooManyRetries: [
    [
      'a job that completed has one retry too many',
      (run) => {
        const stubborn = run.job(9, { kind: 'throw', maxRetries: 10 });
        for (const attempt of [1, 2, 3]) run.fail(stubborn, attempt, attempt * 100);
        run.complete(stubborn, 4, 500);
        stubborn.maxRetries = 2;
      },
      ['tooManyAttempts'],
    ],
    [
      'a job that failed has one retry too many',
      (run) => {
        job(run, 2).maxRetries = 1;
      },
      ['tooManyAttempts'],
    ],
    ['a retry has no error', (run) => (job(run, 3).errors = [])],
    [
      'one failure was counted twice',
      (run) => {
        const { errors } = job(run, 2);
        job(run, 2).errors = [errors[0]!, errors[0]!, errors[2]!];
      },
    ],
  ],
  tooManyAttempts: [
    [
      'more attempts ran than the store has counted',
      (run) => {
        const quiet = run.job(9);
        for (const attempt of [1, 2, 3]) run.note(quiet, attempt, 'start', attempt * 100);
        run.complete(quiet, 4, 500);
      },
    ],
  ],
  wrongEnd: [
    ['a job is cancelled', (run) => (run.job(9).state = 'cancelled')],
    [
      'a job failed with retries left',
      (run) => {
        const early = run.job(9, { kind: 'throw' });
        run.fail(early, 1, 5);
        early.state = 'failed';
        run.deadLetters.push(early.id);
      },
    ],
    [
      'a handler that does not throw failed',
      (run) => {
        const odd = run.job(9);
        run.fail(odd, 1, 5);
        run.complete(odd, 2, 50);
      },
    ],
    [
      'the error is that of another attempt',
      (run) => {
        const odd = run.job(9, { kind: 'throw' });
        run.fail(odd, 1, 5, { message: 'attempt 3 fails' });
        run.complete(odd, 2, 50);
      },
    ],
  ],
  deadLetters: [
    ['a failed job has no entry', (run) => run.deadLetters.splice(0)],
    ['a failed job has two entries', (run) => run.deadLetters.push(job(run, 2).id)],
    ['a completed job has an entry', (run) => run.deadLetters.push(job(run, 1).id)],
    ['an entry has no job', (run) => run.deadLetters.push('job_9')],
  ],
  crashed: [['a process ended by itself', (run) => run.deaths.push({ pid: 9, at: 0, how: 'crashed', code: '1' })]],
  hanging: [['an enqueue never ended', (run) => (run.hanging = 1)]],
  nothingShown: [
    ['fewer jobs were acknowledged than asked for', (run) => (run.asked = { jobs: 1_000, faults: [] })],
    ['no process was killed', (run) => (run.faults = { ...run.faults, kills: 0 })],
  ],
};

describe('the judge of the chaos runs', () => {
  it('finds nothing in a run in which everything happened that may happen', () => {
    expect(judge(cleanRun().evidence()).filter(({ broken: texts }) => texts.length > 0)).toEqual([]);
  });

  for (const rule of Object.keys(RULES) as RuleName[]) {
    describe(`"${RULES[rule]}" is broken when`, () => {
      for (const [sentence, change, also = []] of CASES[rule]) {
        it(sentence, () => {
          const run = cleanRun();
          change(run);
          expect(broken(run.evidence()).toSorted()).toEqual([rule, ...also].toSorted());
        });
      }
    });
  }

  it('names the job', () => {
    const run = cleanRun();
    run.acknowledged.set(9, 'job_9');
    const { broken: texts } = judge(run.evidence()).find(({ rule }) => rule === 'lost')!;
    expect(texts).toEqual(['job job_9 (number 9) is missing']);
  });
});
