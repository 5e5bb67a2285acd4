import { describe, expect, it } from 'vitest';
import { Output } from '../../lib/cli/output.js';

/** What is written of a text, by a command that works on the database at `url`. */
function written(text: string, url?: string): string {
  const lines: string[] = [];
  const database = url === undefined ? undefined : ({ type: 'postgres', url, schema: 'dispatch' } as const);
  new Output(database, (line) => lines.push(line)).line(text);
  return lines.join('\n');
}

describe('the output of the command line', () => {
  it('leaves the password out of every address', () => {
    expect(written('no such host: mysql://app:correct-horse@db/app')).toBe('no such host: mysql://app:***@db/app');
    expect(written('postgres://app:a@correct-horse@db/app and more')).toBe('postgres://app:***@db/app and more');
  });

  it.each([
    ['as it is', 'postgres://app:correct-horse@db/app'],
    ['percent-encoded', 'postgres://app:correct%2Dhorse@db/app'],
    ['as a parameter', 'postgres://app@db/app?password=correct-horse'],
  ])('leaves the password of its database out wherever it stands (%s)', (_how, url) => {
    expect(written('the server refuses "correct-horse"', url)).toBe('the server refuses "***"');
  });

  it('leaves out nothing that is no secret, as it is a short word or another part of the address too', () => {
    expect(written('a row of orders', 'postgres://app:row@db/app')).toBe('a row of orders');
    expect(written('a row of orders', 'postgres://app:orders@db/orders')).toBe('a row of orders');
  });
});
