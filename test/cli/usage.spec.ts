import { describe, expect, it } from 'vitest';
import { VERSION } from '../../lib/version.js';
import { runCli } from './support/run-cli.js';

const SECRET = 'correct-horse-battery';

describe('the command line', () => {
  it('shows what it can do, and its version', async () => {
    for (const args of [[], ['help'], ['--help'], ['migrate', '-h']]) {
      const { code, out } = await runCli(args);
      expect(out).toContain('nestjs-dispatch doctor');
      expect(code).toBe(0);
    }
    expect(await runCli(['--version'])).toEqual({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  it.each([
    [['mend'], 'there is no command "mend". The commands are migrate, status, sql, doctor.'],
    [['status', 'now'], 'status takes no further words (got "now")'],
    [['status', '--verbose'], "Unknown option '--verbose'"],
    [['status'], 'status needs a database: --url, --database, or DATABASE_URL'],
    [['status', '--type', 'mysql', '--database', 'x.db'], '--type must be postgres or sqlite (got "mysql")'],
    [['status', '--type', 'postgres', '--database', 'x.db'], '--type is postgres, and the address is one of sqlite'],
    [['status', '--url', 'postgres://h/d', '--database', 'x.db'], 'exclude each other'],
    [['status', '--database', ':memory:'], 'must be the path of a SQLite file'],
    [
      ['migrate', '--database', 'postgres://app@h/d'],
      '--database takes the path of a SQLite file (got an address): use --url.',
    ],
    [['status', '--url', 'postgres://app:50%off@h/d'], 'Special characters of a password are to be percent-encoded'],
    [['status', '--database', 'x.db', '--schema', 'jobs'], 'SQLite has no schemas'],
    [['status', '--url', 'postgres://h/d', '--schema', 'a"b'], '--schema must be 1 to 48 letters'],
    [['status', '--database', 'x.db', '--all'], '--all is for sql'],
    [['sql'], 'sql needs --type postgres or --type sqlite'],
    [['sql', '--type', 'postgres', '--schema', '1'], '--schema must be'],
  ])('refuses %j', async (args, message) => {
    const { code, out, err } = await runCli(args);
    expect(err).toContain(message);
    expect(err).toContain('See nestjs-dispatch --help.');
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  it.each([
    `mysql://app:${SECRET}@localhost/app`,
    `postgres://app:${SECRET}@127.0.0.1:1/app`,
    `postgres://app:${SECRET}@[bad/app`,
    `app:${SECRET}@localhost`,
  ])('never shows the password of an address, given by flag or environment', async (url) => {
    for (const command of ['migrate', 'status', 'doctor', 'sql']) {
      for (const { out, err, code } of [
        await runCli([command, '--url', url]),
        await runCli([command], { DATABASE_URL: url }),
      ]) {
        expect(out + err).not.toContain(SECRET);
        expect(code).not.toBe(0);
      }
    }
  });

  it.each([`postgres://app:${SECRET}/1@h/app`, `postgres://app:a@${SECRET}@h/app`, `app:the ${SECRET}@h`])(
    'never shows the password of an address in the wrong place',
    async (word) => {
      for (const args of [[word], ['migrate', word], ['sql', '--type', word], ['sql', '--schema', word]]) {
        const { err, code } = await runCli(args);
        expect(err).toContain('an address');
        expect(err).not.toContain(SECRET);
        expect(code).toBe(2);
      }
    },
  );
});
