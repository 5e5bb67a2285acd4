import 'reflect-metadata';
import { type CanActivate, UseGuards } from '@nestjs/common';
import { expect, it } from 'vitest';
import { Job } from '../../lib/index.js';
import { deferred } from '../support/deferred.js';
import { boot } from './support/app.js';

it('a handler is not called once its attempt was given up while a guard made up its mind', async () => {
  const gate = deferred();
  const passed = deferred();
  class Slow implements CanActivate {
    async canActivate(): Promise<boolean> {
      await gate.promise;
      // After what waits for the guard has gone on.
      setImmediate(() => passed.resolve());
      return true;
    }
  }
  let called = false;
  class Mail {
    @UseGuards(Slow)
    @Job('send', { timeout: 20, maxRetries: 0 })
    send(): void {
      called = true;
    }
  }
  const { run } = await boot({ providers: [Mail] }, { abortGrace: 20 });
  expect(await run('send')).toMatchObject({ state: 'failed', errors: [{ code: 'JOB_TIMEOUT' }] });
  gate.resolve();
  await passed.promise;
  expect(called).toBe(false);
});
