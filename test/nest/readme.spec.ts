import { Test } from '@nestjs/testing';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DispatchService, PayloadValidationError } from '../../lib/index.js';

const root = resolve(import.meta.dirname, '../..');

/** The first example, as it stands in the README. */
async function example(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  return /^## A first job$[\s\S]*?^```ts$\n([\s\S]*?)^```$/m.exec(readme)![1]!;
}

const ENTITY = `
  import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
  @Entity()
  export class User {
    @PrimaryGeneratedColumn() id!: number;
    @Column('text') email!: string;
  }
`;

interface Example {
  readonly AppModule: Type;
  readonly UsersService: Type<{ signUp(email: string): Promise<{ id: number }> }>;
}

/** Loads it from files of its own, as an application would have it. */
async function load(code: string): Promise<Example> {
  await mkdir(join(root, '.tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, '.tmp', 'readme-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const own = code
    .replace("'nestjs-dispatch'", JSON.stringify(join(root, 'lib/index.ts')))
    .replace("'app.db'", JSON.stringify(join(folder, 'app.db')));
  const config = { extends: '../../tsconfig.json', include: ['*.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'user.entity.ts'), ENTITY);
  await writeFile(join(folder, 'app.module.ts'), own);
  return (await import(/* @vite-ignore */ join(folder, 'app.module.ts'))) as Example;
}

describe('the first example of the README', () => {
  it('commits a user with the job, and neither where the payload is not valid', async () => {
    const code = await example();
    expect(code, 'a DTO that is validated').toMatch(/@IsEmail\(\)[\s\S]*defineJob\([^)]*payload: WelcomeDto/);
    expect(code, 'a transaction').toMatch(/dispatch\.transaction\([\s\S]*\{ manager/);
    const { AppModule, UsersService } = await load(code);
    const app = await Test.createTestingModule({ imports: [AppModule] })

      .compile();
    onTestFinished(() => app.close());
    await app.init();
    const [users, dispatch] = [app.get(UsersService), app.get(DispatchService)];
    await users.signUp('ada@mail.example');
    await expect(users.signUp('nobody')).rejects.toBeInstanceOf(PayloadValidationError);
    const rows: unknown = await app.get(DataSource).query('SELECT email FROM user');
    expect(rows).toEqual([{ email: 'ada@mail.example' }]);
    const { jobs } = await dispatch.jobs.list();
    expect(jobs).toMatchObject([{ name: 'send-welcome', payload: { email: 'ada@mail.example' }, maxRetries: 5 }]);
  });
});
