/** The command line was used wrongly; the text says how to use it. */
export class UsageError extends Error {}
