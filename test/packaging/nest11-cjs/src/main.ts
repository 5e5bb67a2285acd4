import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DispatchModule, DispatchService, type StoreOptions } from 'nestjs-dispatch';
import { createEngine } from 'nestjs-dispatch/engine';
import { storeContract } from 'nestjs-dispatch/engine/testing';
import { MailService, sendEmail } from './mail.service';

const [type, place] = process.argv.slice(2) as ['postgres' | 'sqlite', string];
const store: StoreOptions = type === 'postgres' ? { type, url: place } : { type, database: place };

@Module({ imports: [DispatchModule.forRoot({ store })], providers: [MailService] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'], abortOnError: false });
  const dispatch = app.get(DispatchService);
  const completed = new Promise<unknown>((resolve) =>
    dispatch.engine.on('jobCompleted', ({ job }) => resolve(job.result)),
  );
  await dispatch.enqueue(sendEmail, { to: 'ada@mail.example' });
  console.log(JSON.stringify({ result: await completed, areas: storeContract.length, engine: typeof createEngine }));
  await app.close();
}

void main();
