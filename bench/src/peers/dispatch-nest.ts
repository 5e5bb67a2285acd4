import 'reflect-metadata';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DispatchModule, Job } from 'nestjs-dispatch';
import type { EngineOptions } from 'nestjs-dispatch/engine';
import type { Handle, Payload } from './peer.ts';

/** Starts a Nest application with one job handler, as an application would have it. */
export async function startNest(job: string, options: EngineOptions, handle: Handle): Promise<INestApplicationContext> {
  class BenchService {
    run(payload: Payload): unknown {
      return handle(payload);
    }
  }
  // What decorators do, written out: types are stripped from this file, and decorators would stay.
  Job(job)(BenchService.prototype, 'run', Object.getOwnPropertyDescriptor(BenchService.prototype, 'run')!);
  class BenchModule {}
  Module({ imports: [DispatchModule.forRoot(options)], providers: [BenchService] })(BenchModule);
  return NestFactory.createApplicationContext(BenchModule, { logger: false });
}
