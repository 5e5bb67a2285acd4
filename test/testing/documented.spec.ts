import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DispatchService, Job, defineJob } from '../../lib/index.js';
import { DispatchTestingModule, TestKit } from '../../lib/nest/testing/index.js';

// The examples of docs/testing.md.

const sendEmail = defineJob<{ to: string }>('send-email');

@Injectable()
class MailService {
  private failures = 0;

  constructor(private readonly dispatch: DispatchService) {}

  welcome(to: string) {
    return this.dispatch.enqueue(sendEmail, { to }, { delay: '10m' });
  }

  @Job(sendEmail)
  async send(): Promise<void> {
    if (this.failures++ === 0) throw new Error('the mail server is away');
  }
}

let app: TestingModule;
let kit: TestKit;

beforeEach(async () => {
  app = await Test.createTestingModule({
    imports: [DispatchTestingModule.forRoot()], // in place of DispatchModule
    providers: [MailService],
  }).compile();
  await app.init(); // finds the handlers
  kit = app.get(TestKit);
});
afterEach(() => app.close());

it('welcomes a customer after ten minutes, and tries again', async () => {
  await app.get(MailService).welcome('ada@mail.example');
  await kit.expectEnqueued(sendEmail, { to: 'ada@mail.example' }, { delay: '10m' });
  expect(await kit.drain()).toEqual([]); // not due yet
  const runs = await kit.advance('1h'); // at their own moments: the job, and its retries
  expect(runs.map(({ outcome }) => outcome.kind)).toEqual(['retry', 'completed']);
});

it('sends the mail at once when asked to', async () => {
  expect(await kit.performJob(MailService, { to: 'later@mail.example' })).toMatchObject({ kind: 'retry' });
  const sent = await kit.performJob(MailService, { to: 'ada@mail.example' }, { attempt: 2 }); // one attempt of its job
  expect(sent).toMatchObject({ kind: 'completed' });
});
