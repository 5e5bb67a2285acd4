import { VERSION } from '../version.js';
import { type Arguments, parseArguments } from './arguments.js';
import { UsageError } from './cli-error.js';
import { doctor } from './commands/doctor.js';
import { migrate } from './commands/migrate.js';
import { sql } from './commands/sql.js';
import { status } from './commands/status.js';
import type { Database } from './database.js';
import { checkFile } from './open-store.js';
import { HELP } from './help.js';
import { Output } from './output.js';

/** Where the command line writes, line by line. */
export interface CliStreams {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** Runs one command. Never rejects. @returns the exit code: 0, 1 when something was found, 2 when it could not be done */
export async function runCli(args: readonly string[], env: NodeJS.ProcessEnv, streams: CliStreams): Promise<number> {
  let database: Database | undefined;
  try {
    const parsed = parseArguments(args, env);
    database = parsed.database;
    return await runCommand(parsed, new Output(database, streams.out));
  } catch (error) {
    const err = new Output(database, streams.err);
    err.line(`nestjs-dispatch: ${error instanceof Error ? error.message || error.name : String(error)}`);
    if (error instanceof UsageError) err.line('See nestjs-dispatch --help.');
    return 2;
  }
}

async function runCommand(parsed: Arguments, out: Output): Promise<number> {
  const { command, database } = parsed;
  if (command === 'version' || command === 'help') {
    out.line(command === 'version' ? VERSION : HELP);
    return 0;
  }
  if (command === 'sql') {
    if (database) await checkFile(database);
    return sql(parsed, out);
  }
  if (!database) {
    throw new UsageError(`${command} needs a database: --url, --database, or DATABASE_URL in the environment.`);
  }
  await checkFile(database);
  return { migrate, status, doctor }[command](database, out);
}
