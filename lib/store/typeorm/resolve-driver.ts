import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * Where a driver's module is, for a thread that loads it by its path: as this file sees it, or, when a bundler has moved
 * this file, as the program does. Imported on use and on its own: test runners that turn ES modules into CommonJS cannot compile `import.meta`.
 *
 * @throws what `require.resolve` throws when it is nowhere
 */
export function resolveDriver(name: string): string {
  const places = [import.meta.url, process.argv[1], join(process.cwd(), 'package.json')];
  let failure: unknown;
  for (const place of places) {
    // Bundles of CommonJS have no `import.meta`.
    if (!place) continue;
    try {
      return createRequire(place).resolve(name);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
