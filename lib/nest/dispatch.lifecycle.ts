import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { Engine } from '../engine/engine.js';
import { DEFAULT_OPTIONS } from '../engine/options.js';
import type { DispatchLogger } from '../observability/logger.js';
import { DispatchRegistrar, type RegisteredHandlers } from './discovery/dispatch.registrar.js';
import type { DispatchModuleOptions } from './dispatch.module-options.js';
import { DISPATCH_ENGINE, DISPATCH_LOGGER, DISPATCH_OPTIONS } from './tokens.js';

/**
 * Ties the engine to the application's life: the store opens before anything else of the application starts, jobs run
 * while the application is up, and enqueuing works until it is gone.
 */
@Injectable()
export class DispatchLifecycle implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(DISPATCH_ENGINE) private readonly engine: Engine,
    @Inject(DISPATCH_OPTIONS) private readonly options: DispatchModuleOptions,
    @Inject(DISPATCH_LOGGER) private readonly logger: DispatchLogger,
    private readonly registrar: DispatchRegistrar,
  ) {}

  onModuleInit(): Promise<void> {
    return this.orClose(async () => {
      const handlers = await this.registrar.registerAll();
      await this.engine.open();
      await this.logSummary(handlers);
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.options.autoStart !== false) await this.orClose(() => this.engine.start());
  }

  async onModuleDestroy(): Promise<void> {
    await this.engine.drain();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.engine.stop();
  }

  /** An application that fails to boot is not always closed: nothing of ours must keep its process alive. */
  private async orClose(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      await this.engine.stop().catch(() => undefined);
      throw error;
    }
  }

  private async logSummary({ jobs, failureListeners }: RegisteredHandlers): Promise<void> {
    const { queues = DEFAULT_OPTIONS.queues, worker, concurrency } = this.options;
    const names = queues.map((queue) => (typeof queue === 'string' ? queue : queue.name));
    const works = worker === false || concurrency === 0 ? 'enqueues only' : `queues: ${names.join(', ')}`;
    const { kind = 'unknown' } = (await this.engine.health()).store;
    this.logger.log(
      `${counted(jobs, 'job handler')}, ${counted(failureListeners, 'failure listener')}; ${works}; store: ${kind}`,
    );
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
