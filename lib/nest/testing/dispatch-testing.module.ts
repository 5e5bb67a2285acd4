import { type DynamicModule, type InjectionToken, Module } from '@nestjs/common';
import type { Engine } from '../../engine/engine.js';
import { InvalidOptionsError } from '../../errors.js';
import { silentLogger } from '../../testing/kit/create-test-kit.js';
import { TestKit } from '../../testing/kit/test-kit.js';
import { TestClock } from '../../testing/test-clock.js';
import { getDispatchOptionsToken, getDispatchToken } from '../dispatch-token.js';
import { DispatchModule } from '../dispatch.module.js';
import type { DispatchModuleOptions } from '../dispatch.module-options.js';
import { DispatchService } from '../dispatch.service.js';
import { jobMethodsOf } from './job-methods.js';

/** Options of `DispatchModule` where a test wants others than memory, a clock of its own and silence. */
export interface DispatchTestingOptions extends Omit<Partial<DispatchModuleOptions>, 'clock' | 'autoStart'> {
  /** Default: one that starts at 2030-01-01. Instances that are to have the same time get the same one. */
  readonly clock?: TestClock;
  /** Of a named instance, as `DispatchModule` has it; left out, the application's default one. */
  readonly name?: string;
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
  /**
   * In place of `DispatchModule.forRoot`, for tests of a part of an application. The kit of the default instance can be
   * injected; {@link kitOf} gets that of a named one.
   */
  static forRoot(options: DispatchTestingOptions = {}): DynamicModule {
    const { name } = options;
    const given = testOptions(options);
    const instance = DispatchModule.forRoot(name === undefined ? given : { ...given, name });
    if (name !== undefined) return { module: DispatchTestingModule, imports: [instance] };
    return {
      module: DispatchTestingModule,
      global: true,
      imports: [instance],
      providers: [
        {
          provide: TestKit,
          inject: [DispatchService],
          useFactory: ({ engine }: DispatchService) => kitFor(engine, given.clock, name),
        },
      ],
      exports: [TestKit],
    };
  }

  /**
   * Replaces the options that an application gives to `DispatchModule`, for tests of the application as a whole. One
   * that has several instances needs a call for each, with its `name`.
   *
   * @param builder what `Test.createTestingModule` returned
   * @returns the same builder; {@link kitOf} gets the kit of what it makes
   */
  static override<Builder extends Overridable<Builder>>(
    builder: Builder,
    options: DispatchTestingOptions = {},
  ): Builder {
    return builder.overrideProvider(getDispatchOptionsToken(options.name)).useValue(testOptions(options));
  }

  /**
   * The kit of an application that {@link override} was used on, or that imports what {@link forRoot} returns. Always the
   * same one.
   *
   * @param name of a named instance; left out, the application's default one
   * @throws InvalidOptionsError when there is no such instance, or it runs by the real clock
   */
  static kitOf(app: Providers, name?: string): TestKit {
    const { clock } = optionsOf(app, name);
    if (!(clock instanceof TestClock)) {
      const [whose, how] =
        name === undefined ? ['this application', ''] : [`the instance "${name}"`, `, { name: '${name}' }`];
      throw new InvalidOptionsError(
        `${whose} runs by the real clock. Call DispatchTestingModule.override(builder${how}) before builder.compile().`,
      );
    }
    return kitFor(app.get(getDispatchToken(name), { strict: false }).engine, clock, name);
  }
}

/** A kit remembers which crashes are planned. */
const kits = new WeakMap<Engine, TestKit>();

function kitFor(engine: Engine, clock: TestClock, name: string | undefined): TestKit {
  let kit = kits.get(engine);
  if (!kit) kits.set(engine, (kit = new TestKit(engine, clock, jobMethodsOf(name))));
  return kit;
}

/** @throws InvalidOptionsError when there is no such instance */
function optionsOf(app: Providers, name: string | undefined): DispatchModuleOptions {
  try {
    return app.get(getDispatchOptionsToken(name), { strict: false });
  } catch (cause) {
    const which = name === undefined ? 'default instance of Dispatch' : `instance of Dispatch with the name "${name}"`;
    throw new InvalidOptionsError(
      `this application has no ${which}. Pass the name that its DispatchModule has: kitOf(app, name), and the same to override.`,
      { cause },
    );
  }
}

function testOptions(options: DispatchTestingOptions): DispatchModuleOptions & { readonly clock: TestClock } {
  const { clock = new TestClock(), name: _name, ...others } = options;
  return { store: { type: 'memory' }, logger: silentLogger, ...others, clock, autoStart: false };
}
