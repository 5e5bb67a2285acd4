import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Job, type JobFailure, OnJobFailed } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

const heard: string[] = [];

@Injectable()
class Totals {
  readonly total = 42;
}

@Injectable()
class Reports {
  constructor(private readonly totals: Totals) {}

  @Job('report', { maxRetries: 0 })
  report(fails: boolean): number {
    if (fails) throw new Error('no data');
    return this.totals.total;
  }

  @OnJobFailed('report')
  onFailure({ error }: JobFailure): void {
    heard.push(error.message);
  }
}

class Archive {
  @Job('archive')
  archive(): string {
    return 'archived';
  }
}

@Module({ providers: [Archive] })
class ArchiveModule {}

@Module({ imports: [ArchiveModule], providers: [Reports, Totals] })
class ReportsModule {}

describe('modules that are loaded later', () => {
  it('bring the handlers and listeners of theirs and of what they import, once', async () => {
    heard.length = 0;
    const { app, dispatch, run, log } = await boot({});
    const moduleRef = await app.get(LazyModuleLoader).load(() => ReportsModule);
    expect(dispatch.engine.registry.names()).toEqual([]);
    await dispatch.explore(moduleRef);
    await dispatch.explore(moduleRef);
    expect((await run('report', false)).result).toBe(42);
    expect((await run('archive')).result).toBe('archived');
    expect((await run('report', true)).state).toBe('failed');
    await until('the listener hears of it', () => heard.length > 0);
    expect(heard).toEqual(['no data']);
    expect(log.lines.filter((line) => line.startsWith('warn Reports'))).toEqual([]);
  });

  it('can be taken away again, and brought back', async () => {
    const { app, dispatch, run } = await boot({});
    const moduleRef = await app.get(LazyModuleLoader).load(() => ReportsModule);
    const remove = await dispatch.explore(moduleRef);
    remove();
    expect(dispatch.engine.registry.names()).toEqual([]);
    await dispatch.explore(moduleRef);
    expect((await run('archive')).result).toBe('archived');
    remove();
    await dispatch.explore(moduleRef);
    expect((await run('archive')).result, 'what was brought back stays').toBe('archived');
  });

  it('are refused whole when a job of theirs has a handler already', async () => {
    const { app, dispatch } = await boot({});
    const remove = dispatch.register('report', () => 1, 'a test');
    const moduleRef = await app.get(LazyModuleLoader).load(() => ReportsModule);
    await expect(dispatch.explore(moduleRef)).rejects.toThrow(
      'two handlers claim the job "report": a test and Reports.report',
    );
    expect(dispatch.engine.registry.names()).toEqual(['report']);
    remove();
    await dispatch.explore(moduleRef);
    expect([...dispatch.engine.registry.names()].sort()).toEqual(['archive', 'report']);
  });

  it('have to be of this application', async () => {
    const { dispatch } = await boot({});
    const other = await Test.createTestingModule({}).compile();
    onTestFinished(() => other.close());
    await expect(dispatch.explore(other.get(ModuleRef))).rejects.toThrow(
      'explore takes the ModuleRef of a module of this application',
    );
  });
});
