import {
  type CanActivate,
  ForbiddenException,
  Injectable,
  type NestInterceptor,
  ParseIntPipe,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IsEmail } from 'class-validator';
import { map } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  DispatchModule,
  DispatchService,
  InjectDispatch,
  Job,
  type JobFailure,
  OnJobFailed,
  Payload,
  defineJob,
} from '../../lib/index.js';
import { DispatchTestingModule, TestClock, TestKit } from '../../lib/nest/testing/index.js';

class EmailDto {
  @IsEmail() to!: string;
}

const sendEmail = defineJob<EmailDto, string>('send-email', { payload: EmailDto, maxRetries: 1 });

class Closed implements CanActivate {
  canActivate(): boolean {
    throw new ForbiddenException('closed on sundays');
  }
}

class Stamp implements NestInterceptor {
  intercept(_context: unknown, next: { handle(): import('rxjs').Observable<unknown> }) {
    return next.handle().pipe(map((value) => `${String(value)}, stamped`));
  }
}

@Injectable()
class MailService {
  readonly failures: string[] = [];

  constructor(private readonly dispatch: DispatchService) {}

  welcome(to: string) {
    return this.dispatch.enqueue(sendEmail, { to }, { delay: '10m' });
  }

  @Job(sendEmail)
  @UseInterceptors(Stamp)
  async send({ to }: EmailDto): Promise<string> {
    if (to.startsWith('bounce')) throw new Error('mailbox full');
    return `sent to ${to}`;
  }

  @Job('guarded')
  @UseGuards(Closed)
  guarded(): string {
    return 'never';
  }

  @Job('piped')
  piped(@Payload('amount', ParseIntPipe) amount: number): number {
    return amount + 1;
  }

  @OnJobFailed(sendEmail)
  gaveUp({ job, error }: JobFailure): void {
    this.failures.push(`${job.name}: ${error.message}`);
  }
}

async function feature() {
  const app = await Test.createTestingModule({
    imports: [DispatchTestingModule.forRoot()],
    providers: [MailService],
  }).compile();
  await app.init();
  onTestFinished(() => app.close());
  return { mail: app.get(MailService), kit: app.get(TestKit), dispatch: app.get(DispatchService) };
}

describe('DispatchTestingModule', () => {
  it('runs a delayed job, its retry and its failure listener by the test’s clock', async () => {
    const { mail, kit } = await feature();
    await mail.welcome('bounce@mail.example');
    await kit.expectEnqueued(sendEmail, { to: 'bounce@mail.example' }, { delay: '10m' });
    expect(await kit.drain()).toEqual([]);
    const runs = await kit.advance('1h');
    expect(runs.map(({ outcome }) => outcome.kind)).toEqual(['retry', 'failed']);
    expect(mail.failures).toEqual(['send-email: mailbox full']);
  });

  it('works on nothing by itself, however far the clock moves', async () => {
    const { mail, kit, dispatch } = await feature();
    const job = await mail.welcome('ada@mail.example');
    await kit.clock.advance('3d');
    expect((await dispatch.jobs.get(job.id))?.state).toBe('pending');
    expect(kit.clock.pendingTimers).toBe(0);
  });

  it('performs jobs through validation, guards, pipes and interceptors', async () => {
    const { kit } = await feature();
    expect(await kit.performJob(sendEmail, { to: 'ada@mail.example' })).toMatchObject({
      kind: 'completed',
      result: 'sent to ada@mail.example, stamped',
    });
    expect(await kit.performJob(sendEmail, { to: 'nobody' })).toMatchObject({
      kind: 'failed',
      error: { name: 'PayloadValidationError', details: expect.anything() as unknown },
    });
    expect(await kit.performJob('guarded')).toMatchObject({
      kind: 'failed',
      error: { name: 'JobRejectedError', message: expect.stringContaining('closed on sundays') as unknown },
    });
    expect(await kit.performJob('piped', { amount: '41' })).toMatchObject({ kind: 'completed', result: 42 });
    expect(await kit.performJob('piped', { amount: 'many' })).toMatchObject({ kind: 'failed' });
  });

  it('takes the place of an application’s options', async () => {
    const clock = new TestClock(Date.UTC(2031, 5, 1));
    const builder = Test.createTestingModule({
      imports: [
        DispatchModule.forRootAsync({
          useFactory: () => {
            throw new Error('the real database was asked for');
          },
        }),
      ],
      providers: [MailService],
    });
    const app = await DispatchTestingModule.override(builder, { clock }).compile();
    await app.init();
    onTestFinished(() => app.close());
    const kit = DispatchTestingModule.kitOf(app);
    expect(kit.clock).toBe(clock);
    expect(DispatchTestingModule.kitOf(app), 'planned crashes are not forgotten').toBe(kit);
    await app.get(MailService).welcome('ada@mail.example');
    expect(await kit.advance('10m')).toMatchObject([{ outcome: { kind: 'completed' } }]);
  });

  it('has no kit of an application whose options were not replaced', async () => {
    const app = await Test.createTestingModule({
      imports: [DispatchModule.forRoot({ store: { type: 'memory' }, autoStart: false, logger: quiet })],
    }).compile();
    onTestFinished(() => app.close());
    expect(() => DispatchTestingModule.kitOf(app)).toThrow('DispatchTestingModule.override(builder)');
  });
});

describe('DispatchTestingModule with named instances', () => {
  class Handlers {
    @Job('greet')
    greet(): string {
      return 'by default';
    }
    @Job('write-audit', { instance: 'audit' })
    write(entry: string): string {
      return `wrote ${entry}`;
    }
  }

  @Injectable()
  class Shop {
    constructor(
      readonly dispatch: DispatchService,
      @InjectDispatch('audit') readonly audit: DispatchService,
    ) {}
  }

  const nowhere = { type: 'sqlite', database: '/nowhere/at/all.db' } as const;

  it('takes the place of each, which has a kit of its own', async () => {
    const clock = new TestClock();
    const app = await Test.createTestingModule({
      imports: [DispatchTestingModule.forRoot({ clock }), DispatchTestingModule.forRoot({ name: 'audit', clock })],
      providers: [Handlers, Shop],
    }).compile();
    await app.init();
    onTestFinished(() => app.close());
    const [kit, auditKit] = [app.get(TestKit), DispatchTestingModule.kitOf(app, 'audit')];
    expect(DispatchTestingModule.kitOf(app), 'planned crashes are not forgotten').toBe(kit);
    const { audit } = app.get(Shop);
    await audit.enqueue('write-audit', 'login', { delay: '1m' });
    await kit.expectNotEnqueued('write-audit');
    await auditKit.expectEnqueued('write-audit', undefined, { delay: '1m' });
    expect(await kit.advance('1h')).toEqual([]);
    expect(await auditKit.drain(), 'both have one clock').toMatchObject([
      { outcome: { kind: 'completed', result: 'wrote login' } },
    ]);
    expect(await auditKit.performJob(Handlers, 'logout')).toMatchObject({ result: 'wrote logout' });
    expect(await kit.performJob(Handlers)).toMatchObject({ result: 'by default' });
  });

  it('replaces the options of those that it is called for', async () => {
    const builder = Test.createTestingModule({
      imports: [DispatchModule.forRoot({ store: nowhere }), DispatchModule.forRoot({ name: 'audit', store: nowhere })],
      providers: [Handlers, Shop],
    });
    DispatchTestingModule.override(builder);
    const app = await DispatchTestingModule.override(builder, { name: 'audit' }).compile();
    await app.init();
    onTestFinished(() => app.close());
    await app.get(Shop).audit.enqueue('write-audit', 'login');
    expect(await DispatchTestingModule.kitOf(app).drain()).toEqual([]);
    const kit = DispatchTestingModule.kitOf(app, 'audit');
    expect(await kit.drain()).toMatchObject([{ outcome: { result: 'wrote login' } }]);
  });

  it('has no kit of an instance that is not there, or whose options were not replaced', async () => {
    const instance = { store: { type: 'memory' }, autoStart: false, logger: quiet } as const;
    const app = await Test.createTestingModule({
      imports: [DispatchModule.forRoot({ name: 'audit', ...instance })],
    }).compile();
    onTestFinished(() => app.close());
    expect(() => DispatchTestingModule.kitOf(app, 'audit')).toThrow(
      `the instance "audit" runs by the real clock. Call DispatchTestingModule.override(builder, { name: 'audit' })`,
    );
    expect(() => DispatchTestingModule.kitOf(app, 'audti')).toThrow(
      'this application has no instance of Dispatch with the name "audti"',
    );
    expect(() => DispatchTestingModule.kitOf(app)).toThrow('this application has no default instance of Dispatch');
  });
});

const quiet = { debug: () => {}, log: () => {}, warn: () => {}, error: () => {} };
