import { DispatchError, StoreUnavailableError } from '../../../errors.js';

/** Conditions of the server under which trying again later can help. */
const UNAVAILABLE_STATES: ReadonlySet<string> = new Set([
  '57014', // query_canceled: statement_timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout
  '53000', // insufficient_resources
  '53100', // disk_full
  '53200', // out_of_memory
  '53300', // too_many_connections
  '55P03', // lock_not_available
  '25006', // read_only_sql_transaction: a standby after a failover
]);

/** Network errors by Node's codes. */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** What `pg` says without a code. */
const LOST_CONNECTION =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client was closed|Cannot use a pool after|Connection ended unexpectedly)/i;

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether the database could not be reached or did not answer: what became of the statement may be unknown. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (UNAVAILABLE_STATES.has(code) || NETWORK_CODES.has(code) || /^08[0-9A-Z]{3}$/.test(code)) return true;
  return error instanceof Error && LOST_CONNECTION.test(error.message);
}

/** Whether the transaction lost against another one and may simply be run again: serialization failure, deadlock. */
export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  return code === '40001' || code === '40P01';
}

/** Errors of the connection become StoreUnavailableError with their cause; all others stay what they are. */
export function translateError(error: unknown): unknown {
  if (error instanceof DispatchError || !isUnavailable(error)) return error;
  const { message } = error as Error;
  return new StoreUnavailableError(`PostgreSQL did not answer: ${message || codeOf(error)}.`, { cause: error });
}
