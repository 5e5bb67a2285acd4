import { Inject, Injectable } from '@nestjs/common';
import { InvalidOptionsError } from '../../errors.js';
import { type DefineJobOptions, type JobDefinition, extendDefinition } from '../../job/job-definition.js';
import type { HandlerOptions } from '../../job/job-options.js';
import type { JobMetadata } from '../decorators/metadata.js';
import type { DispatchModuleOptions } from '../dispatch.module-options.js';
import { DISPATCH_OPTIONS } from '../tokens.js';

/** What `handlers` may say of a job. */
const KNOWN: Readonly<Record<keyof HandlerOptions, true>> = {
  queue: true,
  priority: true,
  maxRetries: true,
  timeout: true,
  backoff: true,
  concurrency: true,
};

/** Decides with which options a handler is registered: definition < decorator < its `configure` < `handlers`. */
@Injectable()
export class HandlerOptionsResolver {
  constructor(@Inject(DISPATCH_OPTIONS) private readonly options: DispatchModuleOptions | undefined) {}

  /** @throws InvalidOptionsError when there is no `config` to ask, or an option that does not exist */
  resolve({ definition, configure }: JobMetadata, owner: string): JobDefinition {
    const configured = configure ? this.configured(configure, owner) : {};
    const given = this.given(definition.name);
    return configure || given ? extendDefinition(definition, { ...configured, ...given }) : definition;
  }

  /** The names in `handlers` that are not among these. */
  strangers(names: readonly string[]): readonly string[] {
    return Object.keys(this.options?.handlers ?? {}).filter((name) => !names.includes(name));
  }

  private configured(configure: NonNullable<JobMetadata['configure']>, owner: string): DefineJobOptions<unknown> {
    const { config } = this.options ?? {};
    if (config === undefined) {
      throw new InvalidOptionsError(
        `@Job on ${owner} takes its options from the configuration, and the module has none. Pass "config" to DispatchModule, as in forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ store, config }) }).`,
      );
    }
    const options: unknown = configure(config);
    if (typeof options === 'object' && options !== null && !('then' in options)) return options;
    throw new InvalidOptionsError(
      `the function that @Job on ${owner} was given must return an object of options (got ${typeof options}).`,
    );
  }

  private given(name: string): HandlerOptions | undefined {
    const { handlers = {} } = this.options ?? {};
    const own: unknown = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (own === undefined) return undefined;
    if (typeof own !== 'object' || own === null)
      throw new InvalidOptionsError(`"handlers" must hold objects of options (got ${typeof own} for "${name}").`);
    const unknown = Object.keys(own).find((option) => !Object.hasOwn(KNOWN, option));
    if (unknown === undefined) return own;
    throw new InvalidOptionsError(
      `"handlers" has no option "${unknown}" for "${name}". The options are ${Object.keys(KNOWN).join(', ')}.`,
    );
  }
}
