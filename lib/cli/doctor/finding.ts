/** One thing that was looked at. */
export interface Finding {
  /** `problem`: Dispatch cannot work, or loses work. `warning`: it works, and suffers. `note`: worth knowing. */
  readonly level: 'ok' | 'note' | 'warning' | 'problem';
  readonly about: string;
  readonly text: string;
  /** What to do about it; always there for problems and warnings. */
  readonly remedy?: string;
}

export const ok = (about: string, text: string): Finding => ({ level: 'ok', about, text });
export const note = (about: string, text: string, remedy: string): Finding => ({ level: 'note', about, text, remedy });
export const warning = (about: string, text: string, remedy: string): Finding => ({
  level: 'warning',
  about,
  text,
  remedy,
});
export const problem = (about: string, text: string, remedy: string): Finding => ({
  level: 'problem',
  about,
  text,
  remedy,
});

/** What became of the schema's migrations. */
export function aboutMigrations(
  migrations: readonly { readonly name: string; readonly appliedAt: number | null }[],
): Finding {
  const pending = migrations.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name);
  if (pending.length === 0) return ok('migrations', `all ${migrations.length} are applied`);
  return problem(
    'migrations',
    `pending: ${pending.join(', ')}`,
    'Run nestjs-dispatch migrate, or have the output of nestjs-dispatch sql applied.',
  );
}
