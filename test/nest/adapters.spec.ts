import 'reflect-metadata';
import {
  Body,
  Controller,
  type INestApplication,
  Module,
  Param,
  Post,
  type Type,
  UseGuards,
  VersioningType,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IsEmail } from 'class-validator';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DispatchModule, DispatchService, Job, Payload, defineJob, isDispatchContext } from '../../lib/index.js';
import { freePort } from '../support/free-port.js';
import { inMemory, jobEnded } from './support/app.js';

class SendMail {
  @IsEmail()
  to!: string;
}

const sendMail = defineJob('send-mail', { payload: SendMail });

/** Denies requests without a token, and has nothing to do with jobs. */
class TokenGuard {
  canActivate(context: Parameters<typeof isDispatchContext>[0]): boolean {
    if (isDispatchContext(context)) return false;
    return context.getType() !== 'http' || context.switchToHttp().getRequest().headers['x-token'] === 'secret';
  }
}

@Controller('mails')
class MailsController {
  constructor(private readonly dispatch: DispatchService) {}

  @Post()
  async send(@Body() body: SendMail) {
    const { id } = await this.dispatch.enqueue(sendMail, body);
    return { id };
  }

  @Post('many')
  async sendMany(@Body() bodies: SendMail[]) {
    return (await this.dispatch.enqueueMany(bodies.map((input) => ({ job: sendMail, input })))).length;
  }

  @UseGuards(TokenGuard)
  @Post(':id/retry')
  async retry(@Param('id') id: string) {
    return (await this.dispatch.jobs.retry(id)).state;
  }

  @MessagePattern('send-mail')
  async onMessage(body: SendMail): Promise<string> {
    return (await this.dispatch.enqueue(sendMail, body)).id;
  }

  @Job(sendMail)
  deliver(@Payload() mail: SendMail): string {
    return `${mail.constructor.name} to ${mail.to}`;
  }
}

@Module({
  imports: [DispatchModule.forRoot(inMemory())],
  controllers: [MailsController],
  providers: [{ provide: APP_GUARD, useClass: TokenGuard }],
})
class AppModule {}

const ADAPTERS: readonly [string, () => ExpressAdapter | FastifyAdapter][] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
];

const tcp = (port: number) => ({ transport: Transport.TCP as const, options: { host: '127.0.0.1', port } });

async function serve(adapter: ExpressAdapter | FastifyAdapter, module: Type = AppModule) {
  const app: INestApplication = await NestFactory.create(module, adapter, {
    logger: false,
    abortOnError: false,
  });
  onTestFinished(() => app.close());
  app.setGlobalPrefix('api');
  app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const post = async (path: string, body?: unknown) => {
    const response = await fetch(new URL(`/api${path}`, url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Token': 'secret' },
      body: JSON.stringify(body ?? {}),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { app, post, dispatch: app.get(DispatchService) };
}

describe.each(ADAPTERS)('an application on %s', (_name, adapter) => {
  it('enqueues from controllers, and runs the jobs that they handle', async () => {
    const { post, dispatch } = await serve(adapter());
    const { status, body } = await post('/mails', { to: 'ada@mail.example' });
    expect(status).toBe(201);
    expect((await jobEnded(dispatch, body as never)).result).toBe('SendMail to ada@mail.example');
  });

  it('answers 400 with the fields of a payload that is not valid, without a line of code for it', async () => {
    const { post, dispatch } = await serve(adapter());
    expect(await post('/mails', { to: 'nobody' })).toEqual({
      status: 400,
      body: {
        statusCode: 400,
        error: 'Bad Request',
        code: 'PAYLOAD_VALIDATION',
        message: 'the payload of job "send-mail" is not valid: to: to must be an email',
        fields: [{ path: 'to', messages: ['to must be an email'] }],
      },
    });
    const many = await post('/mails/many', [{ to: 'ada@mail.example' }, { to: 'nobody' }]);
    expect(many).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^item 1: the payload of job/) as unknown, fields: [{ path: 'to' }] },
    });
    expect(await dispatch.jobs.counts()).toMatchObject({ pending: 0, running: 0, completed: 0 });
  });

  it('answers with the status of other errors that are the fault of the one who asks', async () => {
    const { post } = await serve(adapter());
    const { status, body } = await post('/mails/job_01h455vb4pex5vsknk084sn02q/retry');
    expect({ status, body }).toEqual({
      status: 404,
      body: { statusCode: 404, message: 'job job_01h455vb4pex5vsknk084sn02q was not found.' },
    });
    expect(await post('/mails/nonsense/retry')).toMatchObject({
      status: 400,
      body: { statusCode: 400, message: expect.stringContaining('"nonsense" is not a job id') as unknown },
    });
  });

  it('answers 500 without details where the fault is its own', async () => {
    const { app, post } = await serve(adapter());
    await app.get(DispatchService).engine.stop();
    expect(await post('/mails', { to: 'ada@mail.example' })).toEqual({
      status: 500,
      body: { statusCode: 500, message: 'Internal server error' },
    });
  });
});

describe('an application that also listens to messages', () => {
  it('enqueues from message handlers, runs jobs, and closes both', async () => {
    const port = await freePort();
    const options = tcp(port);
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    app.connectMicroservice(options, { inheritAppConfig: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const client = ClientProxyFactory.create(options);
    const id = await firstValueFrom(client.send<string>('send-mail', { to: 'ada@mail.example' }));
    const dispatch = app.get(DispatchService);
    expect((await jobEnded(dispatch, { id: id as never })).result).toBe('SendMail to ada@mail.example');
    await client.close();
    await app.close();
    expect(dispatch.engine.state).toBe('stopped');
  });

  it('may listen to messages only', async () => {
    const port = await freePort();
    const options = tcp(port);
    const app = await NestFactory.createMicroservice(AppModule, { ...options, logger: false, abortOnError: false });
    onTestFinished(() => app.close());
    await app.listen();
    const client = ClientProxyFactory.create(options);
    onTestFinished(() => void client.close());
    const id = await firstValueFrom(client.send<string>('send-mail', { to: 'ada@mail.example' }));
    expect((await jobEnded(app.get(DispatchService), { id: id as never })).state).toBe('completed');
  });
});
