/** What `--help` shows. */
export const HELP = `nestjs-dispatch: the tables of Dispatch, for databases that applications do not migrate themselves.

  nestjs-dispatch migrate     applies the migrations that the database lacks
  nestjs-dispatch status      lists applied and pending migrations; ends with 1 when some are pending
  nestjs-dispatch sql         prints the SQL of the pending migrations, for somebody else to apply
  nestjs-dispatch doctor      looks for what keeps Dispatch from working well; ends with 1 when something does

Which database:
  --url <address>      postgres://user:password@host:5432/database, or sqlite:<file>; else DATABASE_URL
  --database <file>    a SQLite file
  --type <type>        postgres or sqlite: what sql prints for without a database
  --schema <name>      the schema of the tables on PostgreSQL (default: dispatch)
  --all                sql: every migration, without asking the database

It ends with 0 when all is well, 1 when status or doctor found something, 2 when it could not do what was asked.`;
