/** The command line was used wrongly; the text says how to use it. */
export class UsageError extends Error {}

/** A word of the command line, for messages. An address in the wrong place is not repeated: it may hold a password. */
export function quoted(word: string | undefined): string {
  return word?.includes('://') || word?.includes('@') ? 'an address' : JSON.stringify(word);
}
