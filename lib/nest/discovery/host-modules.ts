import { ModuleRef, type ModulesContainer } from '@nestjs/core';
import type { HostModule, HostWrapper } from './discovered-method.js';

/** The module of a reference and all that it imports, without those that are global. Empty when there is no such module. */
export function modulesFrom(modules: ModulesContainer, moduleRef: ModuleRef): HostModule[] {
  const found = new Set<HostModule>();
  const waiting = [...modules.values()].filter(
    (each) => each.getProviderByKey<ModuleRef>(ModuleRef)?.instance === moduleRef,
  );
  for (let module = waiting.pop(); module; module = waiting.pop()) {
    if (found.has(module)) continue;
    found.add(module);
    waiting.push(...[...module.imports].filter((imported) => !imported.isGlobal));
  }
  return [...found];
}

/** The name of a provider's module, for messages. */
export function moduleOf(wrapper: HostWrapper): string {
  return wrapper.host?.name ?? 'an unknown module';
}
