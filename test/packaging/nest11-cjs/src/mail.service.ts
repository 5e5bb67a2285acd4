import { Injectable } from '@nestjs/common';
import { Ctx, DispatchService, Job, type JobContext, Payload, defineJob } from 'nestjs-dispatch';

export const sendEmail = defineJob<{ to: string }, { to: string }>('send-email', { maxRetries: 2 });

@Injectable()
export class MailService {
  constructor(private readonly dispatch: DispatchService) {}

  welcome(to: string) {
    return this.dispatch.enqueue(sendEmail, { to }, { delay: '10m' });
  }

  @Job(sendEmail)
  async send(@Payload() { to }: { to: string }, @Ctx() job: JobContext): Promise<{ to: string }> {
    if (to === 'later@mail.example' && job.attempt === 1) throw new Error('try again');
    return { to };
  }
}
