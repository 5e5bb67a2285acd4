import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IsInt } from 'class-validator';
import {
  Ctx,
  DispatchModule,
  DispatchService,
  Job,
  type JobContext,
  Payload,
  type StoreOptions,
  defineJob,
} from 'nestjs-dispatch';
import { createEngine } from 'nestjs-dispatch/engine';
import { storeContract } from 'nestjs-dispatch/engine/testing';

class AddDto {
  @IsInt() a!: number;
  @IsInt() b!: number;
}

const add = defineJob<AddDto, { sum: number }>('add', { payload: AddDto });

@Injectable()
class Calculator {
  @Job(add)
  async add(@Payload() { a, b }: AddDto, @Ctx() job: JobContext): Promise<{ sum: number }> {
    job.log('adding');
    return { sum: a + b };
  }
}

const [type, place] = process.argv.slice(2) as ['postgres' | 'sqlite', string];
const store: StoreOptions = type === 'postgres' ? { type, url: place } : { type, database: place };

@Module({ imports: [DispatchModule.forRoot({ store })], providers: [Calculator] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'], abortOnError: false });
const dispatch = app.get(DispatchService);
const completed = new Promise<unknown>((resolve) =>
  dispatch.engine.on('jobCompleted', ({ job }) => resolve(job.result)),
);
await dispatch.enqueue(add, { a: 40, b: 2 });
console.log(JSON.stringify({ result: await completed, areas: storeContract.length, engine: typeof createEngine }));
await app.close();
