import 'reflect-metadata';
import { IsEmail } from 'class-validator';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  Ctx,
  type EnqueuedJob,
  Job,
  type JobContext,
  type JobFailure,
  type JobProducer,
  OnJobFailed,
  Payload,
  type PayloadOf,
  defineJob,
} from '../../lib/index.js';
import { boot } from './support/app.js';

declare module '../../lib/index.js' {
  interface JobPayloads {
    'typed-mail': { readonly to: string };
  }
}

class SendMail {
  @IsEmail()
  to!: string;
}

const sendMail = defineJob<{ to: string; urgent: boolean }, number>('send-mail');
const byClass = defineJob('by-class', { payload: SendMail });

describe('types', () => {
  it('of definitions reach enqueue and what it returns', async () => {
    const { dispatch } = await boot({});
    const job = await dispatch.enqueue(sendMail, { to: 'ada@mail.example', urgent: true });
    expectTypeOf(job).toEqualTypeOf<EnqueuedJob<{ to: string; urgent: boolean }, number>>();
    expectTypeOf(job.result).toEqualTypeOf<number | undefined>();
    expectTypeOf(byClass).toEqualTypeOf(defineJob<SendMail>('x'));
    expectTypeOf(dispatch).toExtend<JobProducer>();
    // @ts-expect-error the payload lacks a field
    await dispatch.enqueue(sendMail, { to: 'ada@mail.example' });
    // The decorator's name is also the type of a job.
    const asJob: Job<{ to: string; urgent: boolean }, number> = job;
    expect(asJob.id).toBe(job.id);
  });

  it('of names are those of JobPayloads; other names take anything', async () => {
    const { dispatch } = await boot({});
    expectTypeOf<PayloadOf<'typed-mail'>>().toEqualTypeOf<{ readonly to: string }>();
    expectTypeOf<PayloadOf<'untyped'>>().toEqualTypeOf<unknown>();
    const job = await dispatch.enqueue('typed-mail', { to: 'ada@mail.example' });
    expectTypeOf(job.payload).toEqualTypeOf<{ readonly to: string }>();
    // @ts-expect-error no such field
    await dispatch.enqueue('typed-mail', { too: 'ada@mail.example' });
    await dispatch.enqueue('untyped', { anything: 1 });
  });

  it('of definitions are not those of classes, though these have names', async () => {
    const { dispatch } = await boot({});
    // @ts-expect-error a class is no job
    await expect(dispatch.enqueue(SendMail, { to: 'ada@mail.example' })).rejects.toThrow('got a class');
    // @ts-expect-error a class is no job here either
    await expect(dispatch.enqueueMany([{ job: SendMail, input: {} }])).rejects.toThrow('got a class');
    // @ts-expect-error a class is no job here either
    expect(() => Job(SendMail)({}, 'send', { value: () => undefined })).toThrow('got a class');
  });

  it('of methods must fit the job that they handle', () => {
    class Fits {
      @Job(sendMail)
      whole(mail: { to: string; urgent: boolean }, _job: JobContext<{ to: string }>): number {
        return mail.to.length;
      }
      @Job(sendMail)
      async wider(@Payload() mail: { to: string }): Promise<number> {
        return mail.to.length;
      }
      @Job(sendMail)
      contextFirst(@Ctx() _job: JobContext, @Payload() _mail: { to: string }): number {
        return 1;
      }
      @Job(sendMail)
      fields(@Payload('urgent') _urgent: boolean, @Payload('to') _to: string): number {
        return 1;
      }
      @Job(sendMail)
      none(): number {
        return 1;
      }
      @Job('typed-mail')
      named(_mail: { to: string }): void {}
      @Job('untyped')
      untyped(_anything: Date, _other: number): void {}
      @Job('by-class', { payload: SendMail })
      withClass(_mail: SendMail): void {}
      @OnJobFailed(sendMail)
      failed(_failure: JobFailure): void {}
    }

    class Misfits {
      // @ts-expect-error the job's payload has no subject
      @Job(sendMail)
      payload(_mail: { subject: string }): number {
        return 1;
      }
      // @ts-expect-error its result is a number
      @Job(sendMail)
      result(): string {
        return 'one';
      }
      // @ts-expect-error the name has another payload
      @Job('typed-mail')
      named(_mail: { subject: string }): void {}
      // @ts-expect-error the class is another one
      @Job('by-class', { payload: SendMail })
      withClass(_mail: { subject: string }): void {}
      // @ts-expect-error listeners hear of failures
      @OnJobFailed()
      failed(_failure: { subject: string }): void {}
    }
    expect([Fits, Misfits]).toHaveLength(2);
  });
});
