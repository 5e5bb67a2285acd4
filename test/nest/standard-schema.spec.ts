import 'reflect-metadata';
import { HttpException } from '@nestjs/common';
import * as valibot from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  DispatchError,
  type EnqueuedJob,
  Job,
  type PayloadSchema,
  Payload,
  PayloadValidationError,
  defineJob,
} from '../../lib/index.js';
import { createMemoryStore } from '../../lib/testing/index.js';
import { boot, jobEnded } from './support/app.js';

interface Invoice {
  readonly to: string;
  readonly lines: readonly { readonly quantity: number }[];
}

const zodSchema = z.object({
  to: z.email(),
  lines: z.array(z.object({ quantity: z.coerce.number().int().min(1) })),
});
const valibotSchema = valibot.object({
  to: valibot.pipe(valibot.string(), valibot.email()),
  lines: valibot.array(
    valibot.object({ quantity: valibot.pipe(valibot.unknown(), valibot.transform(Number), valibot.minValue(1)) }),
  ),
});

describe.each<[string, PayloadSchema<Invoice>]>([
  ['zod', zodSchema],
  ['valibot', valibotSchema],
])('schemas of %s', (_name, schema) => {
  const sendInvoice = defineJob('send-invoice', { payload: schema });
  const handled: unknown[] = [];

  class Invoices {
    @Job(sendInvoice)
    send(@Payload() invoice: Invoice): unknown {
      handled.push(invoice);
      return invoice.lines[0]?.quantity;
    }
  }

  const invalid = { to: 'nobody', lines: [{ quantity: 1 }, { quantity: 0 }] };

  it('are checked at enqueue, with the fields', async () => {
    const { dispatch } = await boot({}, { autoStart: false });
    const error = await dispatch.enqueue(sendInvoice, invalid).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'PayloadValidationError',
      code: 'PAYLOAD_VALIDATION',
      status: 400,
      jobName: 'send-invoice',
      fields: [{ path: 'to' }, { path: 'lines.1.quantity' }],
    });
    expect(await dispatch.jobs.counts()).toMatchObject({ pending: 0 });
  });

  it('give the handler what they make of the payload', async () => {
    const { run } = await boot({ providers: [Invoices] });
    const { result } = await run('send-invoice', { to: 'ada@mail.example', lines: [{ quantity: '3' }], more: 1 });
    expect(result).toBe(3);
    expect(handled.at(-1)).toEqual({ to: 'ada@mail.example', lines: [{ quantity: 3 }] });
  });

  it('are checked before the handler: what does not fit goes to the dead-letter queue with its fields', async () => {
    handled.length = 0;
    const store = createMemoryStore();
    const producer = await boot({}, { store, worker: false });
    const job = await producer.dispatch.enqueue('send-invoice', invalid);
    const worker = await boot({ providers: [Invoices] }, { store });
    expect(await jobEnded(worker.dispatch, job)).toMatchObject({ state: 'failed', attempt: 1 });
    const { entries } = await worker.dispatch.dlq.list();
    expect(entries).toMatchObject([
      {
        jobId: job.id,
        errors: [{ code: 'PAYLOAD_VALIDATION', details: [{ path: 'to' }, { path: 'lines.1.quantity' }] }],
      },
    ]);
    expect(handled).toEqual([]);
  });
});

describe('the error of a payload that is not valid', () => {
  const job = defineJob('job', { payload: z.object({ to: z.email() }) });

  it("is one of ours and one of Nest's", async () => {
    const { dispatch } = await boot({}, { autoStart: false });
    const error: unknown = await dispatch.enqueue(job, { to: 'nobody' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PayloadValidationError);
    expect(error).toBeInstanceOf(DispatchError);
    expect(error).toBeInstanceOf(HttpException);
    if (!(error instanceof HttpException)) return;
    expect(error.getStatus()).toBe(400);
    expect(error.getResponse()).toMatchObject({ statusCode: 400, fields: [{ path: 'to' }] });
  });

  it('makes a job fail for good whose handler lets it through', async () => {
    const { dispatch, run } = await boot({});
    dispatch.register('chain', () => dispatch.enqueue(job, { to: 'nobody' }));
    expect(await run('chain')).toMatchObject({ state: 'failed', attempt: 1, errors: [{ code: 'PAYLOAD_VALIDATION' }] });
  });

  it('is typed by the schema', async () => {
    const { dispatch } = await boot({}, { autoStart: false });
    expectTypeOf(await dispatch.enqueue(job, { to: 'ada@mail.example' })).toEqualTypeOf<EnqueuedJob<{ to: string }>>();
    // @ts-expect-error no such field
    await expect(dispatch.enqueue(job, { too: 1 })).rejects.toThrow('to: ');
  });
});
