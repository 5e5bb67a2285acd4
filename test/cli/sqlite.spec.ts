import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createEngine } from '../../lib/engine/index.js';
import { aboutFileSystem } from '../../lib/cli/doctor/sqlite.js';
import { runCli } from './support/run-cli.js';

describe('the command line on SQLite', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dispatch-cli-'));
    file = join(folder, 'jobs.db');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('says what is pending without making the file, applies it, and says that it is applied', async () => {
    const before = await runCli(['status', '--database', file]);
    expect(before.out).toContain('pending  0001-jobs');
    expect(before.code).toBe(1);
    await expect(stat(file)).rejects.toThrow('ENOENT');
    expect((await runCli(['migrate', '--url', `sqlite:${file}`])).out).toContain('applied 0001-jobs');
    const after = await runCli(['status'], { DATABASE_URL: `sqlite:${file}` });
    expect(after.out).toMatch(/applied {2}0001-jobs {2}\d{4}-/);
    expect(after.code).toBe(0);
    expect((await runCli(['migrate', '--database', file])).out).toBe('nothing was pending\n');
  });

  it('prints SQL without a file that makes what migrate makes, and that a strict application accepts', async () => {
    const other = join(folder, 'other.db');
    await runCli(['migrate', '--database', other]);
    const { out } = await runCli(['sql', '--type', 'sqlite']);
    const db = new Database(file);
    db.exec(out);
    expect(shape(db)).toEqual(shape(new Database(other)));
    const [row] = db.prepare('select applied_at as at from dispatch_migrations').all() as { at: number }[];
    expect(Math.abs(row!.at - Date.now())).toBeLessThan(600_000);
    db.close();
    const engine = createEngine({ store: { type: 'sqlite', database: file }, migrations: 'check', worker: false });
    onTestFinished(() => engine.stop());
    await engine.enqueue('works');
    expect((await runCli(['sql', '--database', file])).out).toBe('-- nothing is pending\n');
    expect((await runCli(['sql', '--database', file, '--all'])).out).toBe(out);
  });

  it('examines a file without changing it', async () => {
    const db = new Database(file);
    db.exec('create table customers (id integer)');
    db.close();
    const { out, code } = await runCli(['doctor', '--database', file]);
    expect(out).toMatch(/ok +integrity/);
    expect(out).toMatch(/note +journal_mode: delete/);
    expect(out).toMatch(/problem +migrations: pending: 0001-jobs/);
    expect(code).toBe(1);
    const again = new Database(file);
    expect(again.pragma('journal_mode', { simple: true })).toBe('delete');
    again.close();
    await runCli(['migrate', '--database', file]);
    const healthy = await runCli(['doctor', '--database', file]);
    expect(healthy.out).toMatch(/ok +journal_mode: wal/);
    expect(healthy.out).toMatch(/ok +migrations/);
    expect(healthy.out).toMatch(/ok +file system: local/);
    expect(healthy.out).toContain('0 problems, 0 warnings');
    expect(healthy.code).toBe(0);
  });

  it('finds a write-ahead log that somebody keeps from being cleared', async () => {
    await runCli(['migrate', '--database', file]);
    await writeFile(`${file}-wal`, '');
    await truncate(`${file}-wal`, 300 * 1_048_576);
    expect((await runCli(['doctor', '--database', file])).out).toMatch(/warning +write-ahead log: 300 MiB/);
  });

  it.each([
    [0x6969, 'NFS'],
    [0xfe534d42, 'SMB'],
    [0x65735546, 'FUSE'],
  ])('warns of a file system over a network (%i, %s)', (type, name) => {
    expect(aboutFileSystem(type)).toMatchObject({ level: 'warning', text: expect.stringContaining(name) });
    expect(aboutFileSystem(0xef53), 'ext4').toMatchObject({ level: 'ok' });
  });

  it.each([['migrate'], ['status'], ['doctor'], ['sql']])('refuses a directory for the file (%s)', async (command) => {
    for (const path of [folder, join(folder, 'not-yet', '/')]) {
      const { code, err } = await runCli([command, '--database', path]);
      expect(err).toContain('--database must be the path of a SQLite file (got a directory, ');
      expect(code).toBe(2);
    }
  });

  it('finds a file that is none of SQLite, and one whose folder is missing', async () => {
    await writeFile(
      file,
      'this is a text, and longer than the header of a database has to be: it goes on and on and on',
    );
    const { out, code } = await runCli(['doctor', '--database', file]);
    expect(out).toMatch(/problem +file: it cannot be read: file is not a database/);
    expect(code).toBe(1);
    const missing = await runCli(['doctor', '--database', join(folder, 'a', 'b.db')]);
    expect(missing.out).toMatch(/note +file: .*b\.db does not exist/);
    expect((await runCli(['status', '--database', file])).code).toBe(2);
  });
});

function shape(db: Database.Database): unknown[] {
  const rows = db.prepare('select type, name, sql from sqlite_master order by type, name').all() as { sql: string }[];
  return rows.map((row) => ({ ...row, sql: row.sql?.replace(/\s+/g, ' ') }));
}
