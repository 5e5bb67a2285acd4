import { type Finding, ok, problem } from './finding.js';
import type { Ask } from './postgres.js';

/** Whether this user may do what applications do, and whether the server lets anybody write. */
export async function postgresRights(ask: Ask, schema: string): Promise<readonly Finding[]> {
  const [server] = await ask(
    `select pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as readonly`,
  );
  if (server?.['standby'] === true) {
    return [problem('rights', 'the server is a standby, where nothing can be written', "Use the primary's address.")];
  }
  if (server?.['readonly'] === true) {
    const remedy = 'Set default_transaction_read_only to off for this user and database.';
    return [problem('rights', 'transactions are read-only by default', remedy)];
  }
  const [found] = await ask(
    `select exists (select 1 from pg_namespace where nspname = $1) as schema,
      has_database_privilege(current_database(), 'create') as "mayCreate"`,
    [schema],
  );
  if (found?.['schema'] !== true) {
    if (found?.['mayCreate'] === true) return [ok('rights', `the schema "${schema}" is missing, and may be created`)];
    return [
      problem(
        'rights',
        `the schema "${schema}" is missing, and this user may not create it`,
        `As its owner: create schema "${schema}" authorization <this user>; or run migrate as another user.`,
      ),
    ];
  }
  return tables(ask, schema);
}

async function tables(ask: Ask, schema: string): Promise<readonly Finding[]> {
  const [usage] = await ask(`select has_schema_privilege($1, 'usage') as usage`, [schema]);
  if (usage?.['usage'] !== true) {
    const remedy = `As its owner: grant usage on schema "${schema}" to <this user>;`;
    return [problem('rights', `the schema "${schema}" may not be used`, remedy)];
  }
  const lacking = await ask(
    `select tablename as name, string_agg(privilege, ', ') as lacking
     from pg_tables, unnest(array['select', 'insert', 'update', 'delete']) as privilege
     where schemaname = $1 and tablename like 'dispatch\\_%' and tablename <> 'dispatch_migrations'
       and not has_table_privilege(format('%I.%I', schemaname, tablename), privilege)
     group by tablename order by tablename`,
    [schema],
  );
  if (lacking.length === 0) return [ok('rights', `the tables of schema "${schema}" may be read and written`)];
  const text = lacking.map((row) => `${String(row['name'])} (${String(row['lacking'])})`).join('; ');
  const remedy = `As their owner: grant select, insert, update, delete on all tables in schema "${schema}" to <this user>;`;
  return [problem('rights', `rights are missing on ${text}`, remedy)];
}
