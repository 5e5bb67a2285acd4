import { InvalidOptionsError } from '../../../errors.js';

/**
 * TypeORM, which loads `pg` itself. Both are optional peers and are loaded on first use.
 *
 * @throws InvalidOptionsError when one of them cannot be loaded
 */
export async function loadTypeorm(): Promise<typeof import('typeorm')> {
  await loadPg();
  return load('typeorm', () => import('typeorm'));
}

/** The driver itself. @throws InvalidOptionsError when it cannot be loaded */
export function loadPg(): Promise<typeof import('pg')> {
  return load('pg', () => import('pg'));
}

async function load<T>(name: string, importIt: () => Promise<T>): Promise<T> {
  try {
    return await importIt();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidOptionsError(
      `the PostgreSQL store needs the package "${name}", which could not be loaded (${text}). Install it: npm install ${name}`,
      { cause },
    );
  }
}
