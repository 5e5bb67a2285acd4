import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { InvalidOptionsError } from '../../errors.js';
import { DISPATCH_INSTANCE } from '../tokens.js';

/** Which Dispatch instances the application has, and which of them this one is. */
@Injectable()
export class DispatchInstances {
  constructor(
    private readonly modules: ModulesContainer,
    @Inject(DISPATCH_INSTANCE) private readonly own: string | null,
  ) {}

  /**
   * Whether what names this instance, or none, is for the one asked.
   *
   * @param owner who names it, for the message
   * @throws InvalidOptionsError when the application has no such instance
   */
  isOwn(instance: string | undefined, owner: string): boolean {
    const wanted = instance ?? null;
    if (wanted === this.own) return true;
    const all = [...this.modules.values()].flatMap(({ providers }) => {
      const wrapper = providers.get(DISPATCH_INSTANCE);
      return wrapper ? [wrapper.instance as string | null] : [];
    });
    if (all.includes(wanted)) return false;
    const names = all.map((name) => (name === null ? 'the default one' : JSON.stringify(name))).join(', ');
    throw new InvalidOptionsError(
      wanted === null
        ? `${owner} belongs to the default Dispatch instance, which this application does not have (it has ${names}). Name the instance: { instance: ... }, or set up one without a name.`
        : `${owner} belongs to the Dispatch instance ${JSON.stringify(wanted)}, which this application does not have (it has ${names}). Set it up by DispatchModule.forRoot({ name: ${JSON.stringify(wanted)}, ... }).`,
    );
  }
}
