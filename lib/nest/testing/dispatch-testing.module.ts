import { type DynamicModule, type InjectionToken, Module } from '@nestjs/common';
import { InvalidOptionsError } from '../../errors.js';
import { silentLogger } from '../../testing/kit/create-test-kit.js';
import { TestKit } from '../../testing/kit/test-kit.js';
import { TestClock } from '../../testing/test-clock.js';
import { getDispatchOptionsToken } from '../dispatch-token.js';
import { DispatchModule } from '../dispatch.module.js';
import type { DispatchModuleOptions } from '../dispatch.module-options.js';
import { DispatchService } from '../dispatch.service.js';
import { jobMethodsOf } from './job-methods.js';

/** Options of `DispatchModule` where a test wants others than memory, a clock of its own and silence. */
export interface DispatchTestingOptions extends Omit<Partial<DispatchModuleOptions>, 'clock' | 'autoStart'> {
  /** Default: one that starts at 2030-01-01. */
  readonly clock?: TestClock;
}

/** The part of `TestingModuleBuilder` of `@nestjs/testing` that is used here. */
interface Overridable<Builder> {
  overrideProvider(token: InjectionToken): { useValue(value: unknown): Builder };
}

/** What an application offers of its providers. */
interface Providers {
  get<T>(token: InjectionToken<T>, options: { strict: boolean }): T;
}

/**
 * `DispatchModule` for tests: jobs in memory, a clock that the test moves, and no worker. Jobs run when the test asks
 * its {@link TestKit} to.
 *
 *     const app = await Test.createTestingModule({ imports: [DispatchTestingModule.forRoot()], providers: [MailService] }).compile();
 *     await app.init();
 *     const kit = app.get(TestKit);
 */
@Module({})
export class DispatchTestingModule {
  /** In place of `DispatchModule.forRoot`, for tests of a part of an application. */
  static forRoot(options: DispatchTestingOptions = {}): DynamicModule {
    const given = testOptions(options);
    return {
      module: DispatchTestingModule,
      global: true,
      imports: [DispatchModule.forRoot(given)],
      providers: [
        {
          provide: TestKit,
          inject: [DispatchService],
          useFactory: ({ engine }: DispatchService) => new TestKit(engine, given.clock, jobMethodsOf),
        },
      ],
      exports: [TestKit],
    };
  }

  /**
   * Replaces the options that an application gives to `DispatchModule`, for tests of the application as a whole.
   *
   * @param builder what `Test.createTestingModule` returned
   * @returns the same builder; {@link kitOf} gets the kit of what it makes
   */
  static override<Builder extends Overridable<Builder>>(
    builder: Builder,
    options: DispatchTestingOptions = {},
  ): Builder {
    return builder.overrideProvider(getDispatchOptionsToken()).useValue(testOptions(options));
  }

  /**
   * The kit of an application that {@link override} was used on. Always the same one.
   *
   * @throws InvalidOptionsError when it was not
   */
  static kitOf(app: Providers): TestKit {
    const options = app.get<DispatchModuleOptions>(getDispatchOptionsToken(), { strict: false });
    if (!(options.clock instanceof TestClock)) {
      throw new InvalidOptionsError(
        'this application runs by the real clock. Call DispatchTestingModule.override(builder) before builder.compile().',
      );
    }
    const { engine } = app.get(DispatchService, { strict: false });
    let kit = kits.get(engine);
    if (!kit) kits.set(engine, (kit = new TestKit(engine, options.clock, jobMethodsOf)));
    return kit;
  }
}

/** A kit remembers which crashes are planned. */
const kits = new WeakMap<object, TestKit>();

function testOptions(options: DispatchTestingOptions): DispatchModuleOptions & { readonly clock: TestClock } {
  const { clock = new TestClock(), ...others } = options;
  return { store: { type: 'memory' }, logger: silentLogger, ...others, clock, autoStart: false };
}
