import { parseArgs } from 'node:util';
import { UsageError, quoted } from './cli-error.js';
import { type Database, type DatabaseType, checkSchema, checkType, toDatabase } from './database.js';

export const COMMANDS = ['migrate', 'status', 'sql', 'doctor'] as const;
export type Command = (typeof COMMANDS)[number];

/** What the command line says, checked. */
export interface Arguments {
  readonly command: Command | 'help' | 'version';
  readonly database: Database | undefined;
  readonly type: DatabaseType | undefined;
  readonly schema: string;
  /** `sql`: every migration, without asking a database. */
  readonly all: boolean;
}

const OPTIONS = {
  url: { type: 'string' },
  database: { type: 'string' },
  type: { type: 'string' },
  schema: { type: 'string' },
  all: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** @throws UsageError that says what was wrong */
export function parseArguments(args: readonly string[], env: NodeJS.ProcessEnv): Arguments {
  const { values, positionals } = parse(args);
  const none = { database: undefined, type: undefined, schema: 'dispatch', all: false };
  if (values.version) return { ...none, command: 'version' };
  const [command, ...rest] = positionals;
  if (values.help || command === undefined || command === 'help') return { ...none, command: 'help' };
  if (!isCommand(command)) {
    throw new UsageError(`there is no command ${quoted(command)}. The commands are ${COMMANDS.join(', ')}.`);
  }
  if (rest.length > 0) throw new UsageError(`${command} takes no further words (got ${quoted(rest[0])}).`);
  if (values.all && command !== 'sql') throw new UsageError('--all is for sql.');
  const { all = false } = values;
  const database = toDatabase(values, env);
  return { command, database, type: database?.type ?? checkType(values.type), schema: checkSchema(values.schema), all };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

function isCommand(word: string): word is Command {
  return (COMMANDS as readonly string[]).includes(word);
}
