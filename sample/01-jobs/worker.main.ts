import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { readSettings } from './settings.js';

/** A process that works on jobs and serves no HTTP. */
async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule.forRoot({ ...readSettings(), createTables: false }));
  app.enableShutdownHooks();
  process.send?.('ready');
}

// The process that started this one is gone: nobody else would stop it.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
