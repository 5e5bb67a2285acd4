import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Fixture, installFixture } from './support/fixture.js';

describe('the package in a NestJS 12 application of ES modules, with TypeORM 1 and pg', () => {
  let app: Fixture;

  beforeAll(async () => {
    app = await installFixture('nest12-esm', inject('tarball'));
  });

  it('compiles under strict TypeScript without skipLibCheck', async () => {
    expect(await app.bin('tsc', '-p', 'tsconfig.json')).toEqual({ code: 0, output: '' });
  });

  it('runs a job on PostgreSQL, with no other driver installed', async () => {
    const { code, output } = await app.node(join('dist', 'main.js'), 'postgres', inject('applicationPostgresUrl'));
    expect(output).toContain('{"result":{"sum":42}');
    expect(code).toBe(0);
  });

  it('names the driver that a store lacks, and how to install it', async () => {
    const { code, output } = await app.node(join('dist', 'main.js'), 'sqlite', 'jobs.db');
    expect(output).toContain('the SQLite store needs the package "better-sqlite3"');
    expect(output).toContain('Install it: npm install better-sqlite3');
    expect(code).not.toBe(0);
  });
});
