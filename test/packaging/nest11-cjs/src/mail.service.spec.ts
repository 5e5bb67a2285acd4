import { Test, type TestingModule } from '@nestjs/testing';
import { DispatchTestingModule, TestKit } from 'nestjs-dispatch/testing';
import { MailService, sendEmail } from './mail.service';

describe('MailService', () => {
  let app: TestingModule;
  let kit: TestKit;

  beforeEach(async () => {
    app = await Test.createTestingModule({
      imports: [DispatchTestingModule.forRoot()],
      providers: [MailService],
    }).compile();
    await app.init();
    kit = app.get(TestKit);
  });

  afterEach(() => app.close());

  it('welcomes a new customer after ten minutes', async () => {
    await app.get(MailService).welcome('ada@mail.example');
    await kit.expectEnqueued(sendEmail, { to: expect.stringMatching('ada') }, { delay: '10m' });
    expect(await kit.drain()).toEqual([]);
    expect(await kit.advance('10m')).toMatchObject([{ outcome: { kind: 'completed' } }]);
  });

  it('tries again when the mail server is away', async () => {
    expect(await kit.performJob(MailService, { to: 'later@mail.example' })).toMatchObject({ kind: 'retry' });
    expect(await kit.performJob(MailService, 'send', { to: 'ada@mail.example' })).toMatchObject({ kind: 'completed' });
    await app.get(MailService).welcome('later@mail.example');
    const runs = await kit.advance('1h');
    expect(runs.map(({ outcome }) => outcome.kind)).toEqual(['retry', 'completed']);
  });
});
