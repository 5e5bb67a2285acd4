import 'reflect-metadata';
import { Inject, Injectable, Scope as ProviderScope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { Job, type JobFailure, NonRetryableError, OnJobFailed, defineJob, scope } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

const heard: string[] = [];
const note = (who: string, { job, error, final }: JobFailure): void => {
  heard.push(`${who} ${job.name} ${job.attempt} ${error.message} ${final ? 'final' : 'retrying'}`);
};

class Failing {
  @Job('mail', { maxRetries: 1 })
  mail(): void {
    throw new Error('no gateway');
  }
  @Job('report', { maxRetries: 0 })
  report(): void {
    throw new RangeError('too long');
  }
  @Job('well')
  well(): string {
    return 'done';
  }
}

beforeEach(() => {
  heard.length = 0;
});

describe('@OnJobFailed', () => {
  it('hears of every job that failed for good, once', async () => {
    class Listener {
      @OnJobFailed()
      onFailure(failure: JobFailure): void {
        note('all', failure);
        expect(failure.thrown).toBeInstanceOf(Error);
        expect(failure.job.state).toBe('failed');
      }
    }
    const { run } = await boot({ providers: [Failing, Listener] });
    await run('well');
    await run('mail');
    await run('report');
    await until('both are heard of', () => heard.length === 2);
    expect(heard).toEqual(['all mail 2 no gateway final', 'all report 1 too long final']);
  });

  it('hears of the jobs that it names, by name, definition or list', async () => {
    class Listener {
      @OnJobFailed('mail')
      byName(failure: JobFailure): void {
        note('name', failure);
      }
      @OnJobFailed(defineJob('report'))
      byDefinition(failure: JobFailure): void {
        note('definition', failure);
      }
      @OnJobFailed(['mail', defineJob('report')])
      byList(failure: JobFailure): void {
        note('list', failure);
      }
    }
    const { run } = await boot({ providers: [Failing, Listener] });
    await run('mail');
    await run('report');
    await until('all are heard of', () => heard.length === 4);
    expect([...heard].sort()).toEqual([
      'definition report 1 too long final',
      'list mail 2 no gateway final',
      'list report 1 too long final',
      'name mail 2 no gateway final',
    ]);
  });

  it('hears of every failed attempt with final: false', async () => {
    class Listener {
      @OnJobFailed('mail', { final: false })
      onMail(failure: JobFailure): void {
        note('mail', failure);
      }
      @OnJobFailed({ final: false })
      onAny(failure: JobFailure): void {
        note('any', failure);
      }
    }
    const { run } = await boot({ providers: [Failing, Listener] });
    await run('mail');
    await until('all are heard of', () => heard.length === 4);
    expect(heard.filter((line) => line.startsWith('mail'))).toEqual([
      'mail mail 1 no gateway retrying',
      'mail mail 2 no gateway final',
    ]);
    expect(heard.filter((line) => line.startsWith('any'))).toHaveLength(2);
  });

  it('costs nothing when it throws: the log names the listener, the others are called', async () => {
    class Listener {
      @OnJobFailed()
      sync(): void {
        throw new Error('sync trouble');
      }
      @OnJobFailed()
      async later(): Promise<void> {
        await Promise.resolve();
        throw new NonRetryableError('later trouble');
      }
      @OnJobFailed()
      well(failure: JobFailure): void {
        note('well', failure);
      }
    }
    const { run, log, dispatch } = await boot({ providers: [Failing, Listener] });
    const job = await run('report');
    await until('the third one was called', () => heard.length === 1);
    const failures = (): string[] => log.lines.filter((line) => line.includes('failure listener Listener'));
    await until('both are logged', () => failures().length === 2);
    expect(failures()).toEqual([
      `error the failure listener Listener.sync failed for job ${job.id} "report": Error: sync trouble`,
      `error the failure listener Listener.later failed for job ${job.id} "report": NonRetryableError: later trouble`,
    ]);
    expect((await dispatch.jobs.get(job.id))?.state).toBe('failed');
    expect(await run('well')).toMatchObject({ state: 'completed' });
  });

  it('runs in the scope of the job', async () => {
    class Listener {
      @OnJobFailed()
      onFailure(): void {
        heard.push(scope.capture()?.orgId ?? 'none');
      }
    }
    const { dispatch } = await boot({ providers: [Failing, Listener] });
    await dispatch.enqueue('report', undefined, { scope: { orgId: 'acme' } });
    await until('it is heard of', () => heard.length === 1);
    expect(heard).toEqual(['acme']);
  });

  it('on a request-scoped provider gets an instance of its own, with the job as REQUEST', async () => {
    @Injectable({ scope: ProviderScope.REQUEST })
    class Listener {
      constructor(@Inject(REQUEST) private readonly job: { readonly name: string }) {}
      @OnJobFailed()
      onFailure(failure: JobFailure): void {
        note(this.job.name, failure);
      }
    }
    const { run } = await boot({ providers: [Failing, Listener] });
    await run('report');
    await until('it is heard of', () => heard.length === 1);
    expect(heard).toEqual(['report report 1 too long final']);
  });
});
