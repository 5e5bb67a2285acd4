import type { DiscoveryService, ModulesContainer } from '@nestjs/core';
import type { FailureListenerMetadata, JobMetadata } from '../decorators/metadata.js';

/** A provider or controller as Nest keeps it. */
export type HostWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A module as Nest keeps it. */
export type HostModule = ModulesContainer extends Map<string, infer Module> ? Module : never;

/** A method of a provider or controller that carries a decorator of ours. */
export interface DiscoveredMethod {
  readonly name: string;
  readonly method: (...args: unknown[]) => unknown;
  /** The prototype of the provider; the method may come from one above it. */
  readonly prototype: object;
  readonly wrapper: HostWrapper;
  /** For messages, such as `InvoiceService.render`. */
  readonly owner: string;
  /** The jobs of this Dispatch instance that it handles. */
  readonly jobs: readonly JobMetadata[];
  /** The failures of this Dispatch instance that it hears of. */
  readonly failureListeners: readonly FailureListenerMetadata[];
}
