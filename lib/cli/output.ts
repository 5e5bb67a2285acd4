import type { Database } from './database.js';

/** Shorter passwords are common words, which would make holes in every message. */
const SHORTEST_SECRET = 6;

/** Where a command writes. Passwords of addresses never come through, whoever put them into the text. */
export class Output {
  private readonly secrets: readonly string[];

  /** @param write takes whole lines */
  constructor(
    database: Database | undefined,
    private readonly write: (line: string) => void,
  ) {
    this.secrets = database?.type === 'postgres' ? secretsOf(database.url) : [];
  }

  line(text = ''): void {
    let shown = text.replace(/(\w+:\/\/[^\s:@/]*):\S*@/g, '$1:***@');
    for (const secret of this.secrets) shown = shown.replaceAll(secret, '***');
    this.write(shown);
  }
}

function secretsOf(url: string): readonly string[] {
  const { password, username, hostname, pathname, searchParams } = new URL(url);
  return [password, decoded(password), searchParams.get('password') ?? ''].filter(
    (text) => text.length >= SHORTEST_SECRET && ![username, hostname, pathname].some((part) => part.includes(text)),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
