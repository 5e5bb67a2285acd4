import type { DiscoveryService } from '@nestjs/core';

/** A provider or controller as Nest keeps it. */
export type HostWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A method of a provider or controller that carries a decorator of ours. */
export interface DiscoveredMethod {
  readonly name: string;
  readonly method: (...args: unknown[]) => unknown;
  /** The prototype of the provider; the method may come from one above it. */
  readonly prototype: object;
  readonly wrapper: HostWrapper;
  /** For messages, such as `InvoiceService.render`. */
  readonly owner: string;
}
