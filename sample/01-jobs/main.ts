import 'reflect-metadata';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { startMailGateway } from './mail-gateway/mail-gateway.js';
import { type Settings, fromEnvironment, readSettings } from './settings.js';

/** The sample as one process that serves HTTP and works on jobs, with a mail gateway of its own unless MAIL_URL names one. */
async function main(): Promise<void> {
  const mailUrl = fromEnvironment('MAIL_URL') ?? (await startMailGateway()).url;
  const settings: Settings = { ...readSettings(), mailUrl };
  const app = await NestFactory.create(AppModule.forRoot(settings));
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  app.enableShutdownHooks();
  await app.listen(Number(fromEnvironment('PORT') ?? 3000), '127.0.0.1');
  console.log(`listening on ${await app.getUrl()}`);
  console.log(`files are in ${settings.dataDir}`);
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
