import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { Job, defineJob } from '../../lib/index.js';
import { deferred } from '../support/deferred.js';
import { until } from '../support/until.js';
import { boot, compile } from './support/app.js';

/** As ConfigService of @nestjs/config has it. */
class Config {
  constructor(private readonly values: Readonly<Record<string, number>>) {}
  get(name: string): number {
    return this.values[name]!;
  }
}

const mail = defineJob('mail', { queue: 'mails', maxRetries: 1, priority: 1 });

class Mailer {
  @Job(mail, (config: Config) => ({ priority: config.get('PRIORITY'), concurrency: config.get('AT_ONCE') }))
  send(): void {}

  @Job('letter', { maxRetries: 5, priority: 5, configure: (config: Config) => ({ priority: config.get('PRIORITY') }) })
  post(): void {}
}

const config = new Config({ PRIORITY: 7, AT_ONCE: 2 });

describe('the options of handlers', () => {
  it('may come from the configuration', async () => {
    const { dispatch } = await boot({ providers: [Mailer] }, { config, autoStart: false });
    expect(await dispatch.enqueue(mail, undefined)).toMatchObject({ queue: 'mails', maxRetries: 1, priority: 7 });
    expect(await dispatch.enqueue('letter')).toMatchObject({ maxRetries: 5, priority: 7 });
    expect(dispatch.engine.registry.limits()).toEqual(new Map([['mail', 2]]));
  });

  it('may be given by name in the options of the module, which go before those in the code', async () => {
    const handlers = { mail: { priority: 9, timeout: '1m' }, letter: { maxRetries: 0 } } as const;
    const { dispatch } = await boot({ providers: [Mailer] }, { config, handlers, autoStart: false });
    expect(await dispatch.enqueue(mail, undefined)).toMatchObject({ queue: 'mails', priority: 9, timeoutMs: 60_000 });
    expect(await dispatch.enqueue('letter')).toMatchObject({ maxRetries: 0, priority: 7 });
    expect(await dispatch.enqueue(mail, undefined, { priority: 2 })).toMatchObject({ priority: 2 });
  });

  it('limit how many jobs of a handler run at the same time', async () => {
    const gate = deferred();
    let [under, most] = [0, 0];
    class Service {
      @Job('slow')
      async slow(): Promise<void> {
        most = Math.max(most, (under += 1));
        await gate.promise;
        under -= 1;
      }
      @Job('fast')
      fast(): void {}
    }
    const { dispatch, run, ended } = await boot({ providers: [Service] }, { handlers: { slow: { concurrency: 2 } } });
    const jobs = await dispatch.enqueueMany([1, 2, 3, 4].map((input) => ({ job: 'slow', input })));
    await until('two are under way', () => under === 2);
    expect((await run('fast')).state).toBe('completed');
    gate.resolve();
    for (const job of jobs) await ended(job);
    expect(most).toBe(2);
  });

  it('are refused when they are wrong, naming the handler and what to do', async () => {
    const booting = async (options: object, providers = [Mailer as never]): Promise<unknown> =>
      (await compile({ providers }, options)).app.init();
    await expect(booting({})).rejects.toThrow(
      '@Job on Mailer.send takes its options from the configuration, and the module has none. Pass "config" to DispatchModule',
    );
    await expect(booting({ config: new Config({ PRIORITY: 1, AT_ONCE: 0 }) })).rejects.toThrow(
      'job "mail": "concurrency" must be a whole number of at least 1 (got 0)',
    );
    await expect(booting({ config, handlers: { mail: { concurency: 1 } } })).rejects.toThrow(
      '"handlers" has no option "concurency" for "mail". The options are queue, priority,',
    );
    await expect(booting({ config, handlers: { mail: 5 } })).rejects.toThrow('got number for "mail"');
    class Late {
      @Job('late', (async () => ({ priority: 1 })) as never)
      run(): void {}
    }
    await expect(booting({ config }, [Late as never])).rejects.toThrow('Late.run was given must return an object');
  });

  it('for a job that nothing here handles get a warning', async () => {
    const { log } = await boot({ providers: [Mailer] }, { config, handlers: { mial: { priority: 1 } } });
    expect(log.lines).toContain('warn "handlers" has options for the job "mial", which nothing here handles');
  });
});
