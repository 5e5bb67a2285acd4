/** A server that peers keep their jobs in. */
export interface Server {
  /** What it is and how it is set up, as printed. */
  readonly about: string;
  /** Of its main process. */
  readonly pid: number;
  /** Makes an empty database. @returns its URL */
  fresh(): Promise<string>;
  /** Writes out what is in memory only, so that no measurement pays for what came before it. */
  settle(url: string): Promise<void>;
  /** Begins to count the calls that clients make of a database. @returns how many there have been, when asked */
  countCalls(url: string): Promise<() => Promise<number>>;
  /** Opens a transaction that keeps seeing a database as it is now. @returns what ends it */
  holdSnapshot(url: string): Promise<() => Promise<void>>;
  /** Deletes a database. */
  drop(url: string): Promise<void>;
  /** Ends it and deletes its data. */
  stop(): Promise<void>;
}
