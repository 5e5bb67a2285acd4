import type { PeerName } from '../peers/names.ts';
import type { Config, Place, WorkFor } from '../peers/peer.ts';
import type { AgentProcess } from '../process/agent-process.ts';
import type { Measure } from '../report/results.ts';
import type { Server } from '../servers/server.ts';

/** What is measured, and in how many separate measurements. */
export interface Scenario {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly trials: readonly Trial[];
}

/** One measurement of one peer, from an empty store to its figures. */
export interface Trial {
  /** The beginning of its metrics' names. */
  readonly name: string;
  /** Whether a peer can take part. @returns why not, or undefined */
  unfit?(peer: PeerName): string | undefined;
  run(bench: Bench): Promise<readonly Measure[]>;
}

/** What a trial works with: one peer, an empty store, and processes. */
export interface Bench {
  readonly peer: PeerName;
  readonly place: Place;
  /** Undefined for stores without a server. */
  readonly server: Server | undefined;
  /** Which repetition this is, from 1. */
  readonly run: number;
  /** Where the peer's data is, on its server. */
  readonly url: string | undefined;
  /** A number of jobs or seconds, at the scale of this run; at least 1. */
  scaled(amount: number): number;
  /** Starts a process and opens the peer in it. The first one's settings are the trial's. */
  agent(purpose: WorkFor, more?: Config): Promise<AgentProcess>;
  /** Says what is being done. */
  show(text: string): void;
}

/** A store that lives inside one process has that process do everything. */
export const oneProcessOnly = (peer: PeerName): string | undefined =>
  peer === 'dispatch-memory' ? 'the memory store lives in one process' : undefined;
