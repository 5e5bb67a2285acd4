import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { loadBetterSqlite } from '../../store/typeorm/sqlite/load-drivers.js';
import { exists, migrationsOf } from '../open-store.js';
import { type Finding, aboutMigrations, note, ok, problem, warning } from './finding.js';

/** File systems over a network by their numbers in `statfs`: SQLite's locks and shared memory do not hold there. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9P'],
  [0x65735546, 'FUSE'],
]);

/** A write-ahead log beyond this is one that a reader keeps from being cleared. */
const LARGE_WAL = 268_435_456;

/** Everything that can be told about a SQLite file without changing it. */
export async function examineSqlite(file: string): Promise<readonly Finding[]> {
  const folder = dirname(resolve(file));
  const findings = [await writable(file, folder), aboutFileSystem((await statfs(await nearest(folder))).type)];
  if (!(await exists(file))) return [...findings, aboutMigrations(await migrationsOf({ type: 'sqlite', file }))];
  const Database = await loadBetterSqlite();
  let db: InstanceType<typeof Database>;
  try {
    db = new Database(file, { readonly: true, timeout: 5_000 });
  } catch (error) {
    return [...findings, unreadable(error)];
  }
  try {
    findings.push(version(db.prepare('select sqlite_version() as version').get()));
    findings.push(...integrity(db.pragma('quick_check(1)', { simple: true })));
    findings.push(journal(db.pragma('journal_mode', { simple: true })));
  } catch (error) {
    return [...findings, unreadable(error)];
  } finally {
    db.close();
  }
  findings.push(...(await wal(file)), aboutMigrations(await migrationsOf({ type: 'sqlite', file })));
  return findings;
}

async function writable(file: string, folder: string): Promise<Finding> {
  const there = await exists(file);
  // The log and its index are files beside it: the folder counts as well.
  for (const place of there ? [file, folder] : [await nearest(folder)]) {
    try {
      await access(place, constants.W_OK);
    } catch {
      return problem(
        'file',
        `${place} cannot be written by this user`,
        'Give the user of the application the right to write it.',
      );
    }
  }
  return there
    ? ok('file', `${file} and its folder can be written`)
    : note('file', `${file} does not exist`, 'It is made with the first migration.');
}

async function nearest(folder: string): Promise<string> {
  let place = folder;
  while (!(await exists(place)) && dirname(place) !== place) place = dirname(place);
  return place;
}

/** @param type the number of a file system, as `statfs` gives it */
export function aboutFileSystem(type: number): Finding {
  const name = NETWORK.get(type);
  if (name === undefined) return ok('file system', 'local');
  return warning(
    'file system',
    `${name}: locks between processes do not hold there, and files can be destroyed`,
    'Move the file to a local disk, or use PostgreSQL.',
  );
}

function version(row: unknown): Finding {
  const { version: text } = row as { readonly version: string };
  const [major = 0, minor = 0] = text.split('.').map(Number);
  if (major > 3 || minor >= 42) return ok('version', `SQLite ${text}`);
  return problem('version', `SQLite ${text}`, 'Dispatch needs SQLite 3.42 or later: update better-sqlite3.');
}

function integrity(result: unknown): readonly Finding[] {
  if (result === 'ok') return [ok('integrity', 'quick_check found nothing')];
  return [
    problem(
      'integrity',
      `quick_check: ${String(result)}`,
      'Restore the file from a backup, or salvage it with the .recover command of sqlite3.',
    ),
  ];
}

function journal(mode: unknown): Finding {
  if (mode === 'wal') return ok('journal_mode', 'wal');
  return note(
    'journal_mode',
    String(mode),
    'Dispatch switches the file to WAL when it opens it; other programs must not switch it back.',
  );
}

async function wal(file: string): Promise<readonly Finding[]> {
  const size = await stat(`${file}-wal`).then(
    (found) => found.size,
    () => 0,
  );
  if (size < LARGE_WAL) return [];
  return [
    warning(
      'write-ahead log',
      `${Math.round(size / 1_048_576)} MiB`,
      'Some process keeps a read transaction open: find and end it.',
    ),
  ];
}

function unreadable(error: unknown): Finding {
  return problem(
    'file',
    `it cannot be read: ${(error as Error).message}`,
    'Is it a SQLite file, and may this user read it?',
  );
}
