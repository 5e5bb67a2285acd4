import { Injectable, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DispatchModule, InjectJob, Job, type JobContext, defineJob } from '../../lib/index.js';
import { DispatchTestingModule, TestKit, createTestKit } from '../../lib/nest/testing/index.js';

const sendEmail = defineJob<{ to: string }, string>('send-email', { maxRetries: 1 });

@Injectable()
class Mailer {
  calls = 0;

  @Job(sendEmail)
  async send({ to }: { to: string }, job: JobContext): Promise<string> {
    this.calls += 1;
    if (to === 'nobody') throw new Error('no such mailbox');
    return `${to}, attempt ${job.attempt}`;
  }

  helper(): string {
    return 'no job';
  }
}

class Reports {
  @Job('render-report')
  render(payload: unknown) {
    return { rendered: payload };
  }

  @Job('mail-report')
  mail(payload: unknown) {
    return { mailed: payload };
  }

  @Job('week')
  @Job('month')
  period() {
    return 'a period';
  }
}

/** Has an inherited job, and one of an instance that the kit has nothing to do with. */
class WeeklyMailer extends Mailer {
  @Job('audited', { instance: 'audit' })
  audit() {}
}

class Echo {
  @Job('echo')
  repeat(text: string) {
    return `${text}!`;
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerJob {
  constructor(@InjectJob() private readonly job: JobContext) {}

  @Job('per-job')
  whoAmI() {
    return this.job.attempt;
  }
}

async function kitWith(...providers: (new (...args: never[]) => object)[]): Promise<TestKit> {
  const audit = DispatchModule.forRoot({ name: 'audit', store: { type: 'memory' }, worker: false, logger: quiet });
  const app = await Test.createTestingModule({
    imports: [DispatchTestingModule.forRoot(), audit],
    providers,
  }).compile();
  await app.init();
  onTestFinished(() => app.close());
  return app.get(TestKit);
}

const quiet = { debug: () => {}, log: () => {}, warn: () => {}, error: () => {} };

describe('performJob with the class of a handler', () => {
  it('performs its one job, and takes the options behind the payload', async () => {
    const kit = await kitWith(Mailer, PerJob);
    expect(await kit.performJob(Mailer, { to: 'ada' })).toMatchObject({ result: 'ada, attempt 1' });
    expect(await kit.performJob(Mailer, { to: 'ada' }, { attempt: 2 })).toMatchObject({ result: 'ada, attempt 2' });
    expect(await kit.performJob(Mailer, { to: 'nobody' })).toMatchObject({ kind: 'retry' });
    expect(await kit.performJob(PerJob, undefined, { attempt: 2 })).toMatchObject({ result: 2 });
    await kit.expectNotEnqueued(sendEmail);
  });

  it('performs the job of the method that it names', async () => {
    const kit = await kitWith(Reports);
    expect(await kit.performJob(Reports, 'render', { week: 7 })).toMatchObject({ result: { rendered: { week: 7 } } });
    expect(await kit.performJob(Reports, 'mail', { week: 8 }, { attempt: 2 })).toMatchObject({
      result: { mailed: { week: 8 } },
    });
    expect(await kit.performJob(Reports, 'mail')).toMatchObject({ kind: 'completed' });
  });

  it('names the jobs of a class that has several, and says how to tell which', async () => {
    const kit = await kitWith(Reports);
    await expect(kit.performJob(Reports, { week: 7 })).rejects.toThrow(
      'Reports handles several jobs: "render-report" (render), "mail-report" (mail), "month" (period), "week" (period). ' +
        "Say which: performJob('render-report', payload) or performJob(Reports, 'render', payload).",
    );
    await expect(kit.performJob(Reports, 'period', {})).rejects.toThrow(
      'Reports.period handles several jobs: "month" (period), "week" (period). Say which: performJob(\'month\', payload).',
    );
  });

  it('takes a text for the payload unless it is the name of a method with a job', async () => {
    const kit = await kitWith(Echo, Mailer);
    expect(await kit.performJob(Echo, 'hello')).toMatchObject({ result: 'hello!' });
    expect(await kit.performJob(Echo, 'repeat', 'repeat')).toMatchObject({ result: 'repeat!' });
    expect(await kit.performJob(Echo, 'toString')).toMatchObject({ result: 'toString!' });
    await expect(kit.performJob(Mailer, 'helper', {})).rejects.toThrow(
      'Mailer.helper has no @Job (those that have: send)',
    );
  });

  it('finds inherited jobs, and leaves out those of other instances', async () => {
    const kit = await kitWith(WeeklyMailer);
    expect(await kit.performJob(WeeklyMailer, { to: 'ada' })).toMatchObject({ result: 'ada, attempt 1' });
  });

  it('says what is wrong with a class that is not provided, has no job, or is not the one that handles it', async () => {
    const kit = await kitWith(WeeklyMailer);
    await expect(kit.performJob(Echo, 'hello')).rejects.toThrow('no handler for the job "echo"');
    await expect(kit.performJob(Date, 'hello')).rejects.toThrow('Date has no method with @Job');
    await expect(kit.performJob(Mailer, { to: 'ada' })).rejects.toThrow(
      'the job "send-email" is handled by WeeklyMailer.send here, and not by Mailer.send',
    );
  });

  it('works on the kit of an application whose options were replaced', async () => {
    const builder = Test.createTestingModule({
      imports: [DispatchModule.forRoot({ store: { type: 'sqlite', database: '/nowhere/at/all.db' } })],
      providers: [Mailer],
    });
    const app = await DispatchTestingModule.override(builder).compile();
    await app.init();
    onTestFinished(() => app.close());
    const kit = DispatchTestingModule.kitOf(app);
    expect(await kit.performJob(Mailer, 'send', { to: 'ada' })).toMatchObject({ result: 'ada, attempt 1' });
  });

  it('is refused where nobody can tell what a class handles, and where a job is asked for', async () => {
    const alone = createTestKit();
    await expect(alone.performJob(Mailer, {})).rejects.toThrow('got a class');
    const kit = await kitWith(Mailer);
    await expect(kit.expectEnqueued(Mailer as never)).rejects.toThrow('Pass what its @Job names');
    expect(() => kit.crashNext(Mailer)).toThrow('Pass what its @Job names');
  });
});
