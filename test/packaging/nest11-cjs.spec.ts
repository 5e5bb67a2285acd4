import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Fixture, installFixture } from './support/fixture.js';

describe('the package in a NestJS 11 application of CommonJS, with TypeORM 0.3 and better-sqlite3', () => {
  let app: Fixture;

  beforeAll(async () => {
    app = await installFixture('nest11-cjs', inject('tarball'));
    await app.borrow('better-sqlite3', 'bindings', 'file-uri-to-path');
  });

  describe.each([
    ['node10', 'tsconfig.json'],
    ['nodenext', 'tsconfig.nodenext.json'],
  ])('with %s resolution', (resolution, config) => {
    it('compiles under strict TypeScript without skipLibCheck', async () => {
      expect(await app.bin('tsc', '-p', config)).toEqual({ code: 0, output: '' });
    });

    it('runs a job on SQLite, with no other driver installed', async () => {
      const { code, output } = await app.node(join('dist', resolution, 'main.js'), 'sqlite', `${resolution}.db`);
      expect(output).toContain('{"result":{"to":"ada@mail.example"}');
      expect(code).toBe(0);
    });
  });

  it('names the driver that a store lacks, and how to install it', async () => {
    const { code, output } = await app.node(join('dist', 'node10', 'main.js'), 'postgres', 'postgres://127.0.0.1/none');
    expect(output).toContain('the PostgreSQL store needs the package "pg"');
    expect(output).toContain('Install it: npm install pg');
    expect(code).not.toBe(0);
  });

  it('is tested by jest with the test kit, which leaves nothing open', async () => {
    const { code, output } = await app.bin('jest');
    expect(output).toMatch(/Tests: +2 passed, 2 total/);
    expect(output).not.toContain('did not exit');
    expect(code).toBe(0);
  });
});
