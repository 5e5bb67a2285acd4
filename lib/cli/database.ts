import { UsageError, quoted } from './cli-error.js';

/** The database that a command is about. */
export type Database =
  | { readonly type: 'postgres'; readonly url: string; readonly schema: string }
  | { readonly type: 'sqlite'; readonly file: string };

export type DatabaseType = Database['type'];

/** What flags and environment say of the database. */
export interface DatabaseFlags {
  readonly url?: string | undefined;
  readonly database?: string | undefined;
  readonly type?: string | undefined;
  readonly schema?: string | undefined;
}

const TYPES: readonly string[] = ['postgres', 'sqlite'] satisfies DatabaseType[];

/**
 * The database that flags name, else `DATABASE_URL`; `undefined` when nothing does.
 *
 * @throws UsageError; it does not repeat addresses, which hold passwords
 */
export function toDatabase(flags: DatabaseFlags, env: NodeJS.ProcessEnv): Database | undefined {
  if (flags.url !== undefined && flags.database !== undefined)
    throw new UsageError('--url and --database exclude each other: pass the one that you mean.');
  const type = checkType(flags.type);
  // Set but empty is how some shells unset it.
  const given = flags.url ?? (env['DATABASE_URL'] === '' ? undefined : env['DATABASE_URL']);
  const found = flags.database === undefined ? ofUrl(given, flags) : ofFile(flags.database);
  if (found && type && found.type !== type) {
    const source = flags.url === undefined && flags.database === undefined ? 'DATABASE_URL' : 'the address';
    throw new UsageError(`--type is ${type}, and ${source} is one of ${found.type}.`);
  }
  if (flags.schema !== undefined && (found?.type ?? type) === 'sqlite') {
    throw new UsageError('--schema is for PostgreSQL: SQLite has no schemas.');
  }
  return found;
}

/** @throws UsageError when it is no type that we know */
export function checkType(type: string | undefined): DatabaseType | undefined {
  if (type === undefined || TYPES.includes(type)) return type as DatabaseType | undefined;
  throw new UsageError(`--type must be ${TYPES.join(' or ')} (got ${quoted(type)}).`);
}

/** The schema of our tables. @throws UsageError when it is no plain name */
export function checkSchema(schema = 'dispatch'): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(schema)) return schema;
  throw new UsageError(
    `--schema must be 1 to 48 letters, digits and underscores, not beginning with a digit (got ${quoted(schema)}).`,
  );
}

function ofUrl(url: string | undefined, { schema }: DatabaseFlags): Database | undefined {
  if (url === undefined) return undefined;
  if (/^postgres(ql)?:\/\//.test(url)) {
    if (!isWhole(url)) {
      throw new UsageError('the address is no valid URL. Special characters of a password are to be percent-encoded.');
    }
    return { type: 'postgres', url, schema: checkSchema(schema) };
  }
  const file = /^(?:sqlite|file):(?:\/\/)?(?<path>.+)$/.exec(url)?.groups?.['path'];
  if (file !== undefined) return ofFile(file);
  throw new UsageError(
    'the address must begin with postgres:// or sqlite:, as in postgres://user:password@host:5432/database or sqlite:./dispatch.db.',
  );
}

/** Whether an address can be read, and what is percent-encoded in it too. */
function isWhole(url: string): boolean {
  try {
    const { username, password, pathname } = new URL(url);
    decodeURIComponent(username + password + pathname);
    return true;
  } catch {
    return false;
  }
}

function ofFile(file: string): Database {
  if (file.includes('://'))
    throw new UsageError('--database takes the path of a SQLite file (got an address): use --url.');
  if (file === '' || file.includes(':memory:')) throw new UsageError('--database must be the path of a SQLite file.');
  return { type: 'sqlite', file };
}
