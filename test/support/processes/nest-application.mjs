// A NestJS application of the tests that nobody tells to exit: it does its work, closes, and has to end by itself.
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const { lib, store, kind, port, log } = JSON.parse(process.env.APPLICATION);
const { DispatchModule, DispatchService, Job } = await import(new URL('../index.js', lib).href);
const note = (line) => appendFileSync(log, `${line}\n`);

class Service {
  later() {
    note('handled');
    setImmediate(() => void close());
  }
}
Job('later')(Service.prototype, 'later', Object.getOwnPropertyDescriptor(Service.prototype, 'later'));

class AppModule {}
Module({ imports: [DispatchModule.forRoot({ store, pollInterval: 50 })], providers: [Service] })(AppModule);

const silent = { logger: false, abortOnError: false };
const make = {
  standalone: () => NestFactory.createApplicationContext(AppModule, silent),
  async express() {
    const app = await NestFactory.create(AppModule, new ExpressAdapter(), silent);
    return app.listen(0, '127.0.0.1').then(() => app);
  },
  async fastify() {
    const app = await NestFactory.create(AppModule, new FastifyAdapter(), silent);
    return app.listen(0, '127.0.0.1').then(() => app);
  },
  async hybrid() {
    const app = await NestFactory.create(AppModule, silent);
    app.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    await app.startAllMicroservices();
    return app.listen(0, '127.0.0.1').then(() => app);
  },
};
const app = await make[kind]();
const dispatch = app.get(DispatchService);

async function close() {
  await app.close();
  note('closed');
}

// Nobody waits for this one: a timer for it must not keep the process.
await dispatch.enqueue('never', null, { delay: '1h' });
await dispatch.enqueue('later', null, { delay: 500 });
note('ready');
