import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsEmail, IsInt, Min, ValidateNested } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { Ctx, Job, type JobContext, Payload, PayloadValidationError, type StandardSchema } from '../../lib/index.js';
import { createMemoryStore } from '../../lib/testing/index.js';
import { boot, jobEnded } from './support/app.js';

class Line {
  @IsInt()
  @Min(1)
  quantity!: number;
}

class SendInvoice {
  @IsEmail()
  to!: string;

  @ValidateNested({ each: true })
  @Type(() => Line)
  lines: Line[] = [];
}

class Plain {
  to!: string;
}

const calls: unknown[] = [];

class Invoices {
  @Job('send-invoice')
  send(@Ctx() _job: JobContext, @Payload() invoice: SendInvoice): string {
    calls.push(invoice);
    return invoice.constructor.name;
  }

  @Job('by-position')
  byPosition(invoice: SendInvoice): string {
    return invoice.constructor.name;
  }

  @Job('one-field')
  oneField(@Payload('invoice') invoice: SendInvoice): string {
    return invoice.constructor.name;
  }

  @Job('plain')
  plain(@Payload() plain: Plain): string {
    return plain.constructor.name;
  }
}

const invalid = { to: 'nobody', lines: [{ quantity: 1 }, { quantity: 0 }] };

describe('payload classes with class-validator decorators', () => {
  it('are checked at enqueue, with the status and the fields that a controller can show', async () => {
    const { dispatch } = await boot({ providers: [Invoices] });
    const error = await dispatch.enqueue('send-invoice', invalid).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PayloadValidationError);
    expect(error).toMatchObject({
      status: 400,
      fields: [
        { path: 'to', messages: ['to must be an email'] },
        { path: 'lines.1.quantity', messages: ['quantity must not be less than 1'] },
      ],
    });
    await expect(dispatch.enqueue('by-position', invalid)).rejects.toBeInstanceOf(PayloadValidationError);
    expect(await dispatch.jobs.counts()).toMatchObject({ pending: 0, running: 0 });
  });

  it('reach the handler as instances, by decorator and by position', async () => {
    const { run } = await boot({ providers: [Invoices] });
    const valid = { to: 'ada@mail.example', lines: [{ quantity: 1 }] };
    expect((await run('send-invoice', valid)).result).toBe('SendInvoice');
    expect((await run('by-position', valid)).result).toBe('SendInvoice');
  });

  it('are checked before the handler too: what another process let pass goes to the dead-letter queue', async () => {
    calls.length = 0;
    const store = createMemoryStore();
    const producer = await boot({}, { store, worker: false });
    const job = await producer.dispatch.enqueue('send-invoice', invalid);
    const worker = await boot({ providers: [Invoices] }, { store });
    const failed = await jobEnded(worker.dispatch, job);
    expect(failed).toMatchObject({ state: 'failed', attempt: 1 });
    expect(failed.errors[0]).toMatchObject({
      code: 'PAYLOAD_VALIDATION',
      details: [{ path: 'to' }, { path: 'lines.1.quantity' }],
    });
    expect(await worker.dispatch.dlq.count()).toBe(1);
    expect(calls).toEqual([]);
  });

  it('do not stand for the whole payload where the parameter is one of its fields', async () => {
    const { run } = await boot({ providers: [Invoices] });
    expect((await run('one-field', { invoice: { to: 'nobody' } })).result).toBe('Object');
  });

  it('without such decorators let everything pass as it is', async () => {
    const { run } = await boot({ providers: [Invoices] });
    expect((await run('plain', { to: 1 })).result).toBe('Object');
  });

  it('give way to a schema that the decorator names', async () => {
    const anything: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ value: { replaced: true } }) },
    };
    class Lenient {
      @Job('lenient', { payload: anything })
      run(@Payload() invoice: SendInvoice): unknown {
        return invoice;
      }
    }
    const { run } = await boot({ providers: [Lenient] });
    expect((await run('lenient', invalid)).result).toEqual({ replaced: true });
  });
});
