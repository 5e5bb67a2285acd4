import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as engine from '../../lib/engine/index.js';
import * as library from '../../lib/index.js';
import * as nestTesting from '../../lib/nest/testing/index.js';
import * as testing from '../../lib/testing/index.js';

const lib = resolve(import.meta.dirname, '../../lib');
const IMPORT = /^(?:import|export) (?!type )[^;]*? from '(?<from>[^']+)'|^import '(?<bare>[^']+)'/gm;

/** The files that loading a file loads, and the packages. */
async function loadedBy(entry: string): Promise<{ files: Set<string>; packages: Set<string> }> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [join(lib, entry)];
  for (let file = waiting.pop(); file; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { groups } of (await readFile(file, 'utf8')).matchAll(IMPORT)) {
      const from = groups?.['from'] ?? groups?.['bare'] ?? '';
      if (from.startsWith('.')) waiting.push(resolve(dirname(file), from.replace(/\.js$/, '.ts')));
      else if (!from.startsWith('node:')) packages.add(from);
    }
  }
  return { files, packages };
}

describe('the public surface', () => {
  it('has everything that the entry without Nest has', () => {
    expect(Object.keys(library)).toEqual(expect.arrayContaining(Object.keys(engine)));
  });

  it('names the same things by the same names', () => {
    for (const name of Object.keys(engine) as (keyof typeof engine)[]) {
      expect((library as Record<string, unknown>)[name], name).toBe(engine[name]);
    }
    const names = [
      'Failpoints',
      'TestClock',
      'TestKit',
      'createMemoryStore',
      'createTestKit',
      'lackingOf',
      'storeContract',
      'withFailpoints',
    ];
    expect(Object.keys(testing).sort()).toEqual(names);
    expect(Object.keys(nestTesting).sort()).toEqual(['DispatchTestingModule', ...names].sort());
    for (const name of names) {
      expect((nestTesting as Record<string, unknown>)[name], name).toBe((testing as Record<string, unknown>)[name]);
    }
  });

  it.each(['engine/index.ts', 'testing/index.ts'])('loads no framework and no driver with %s', async (entry) => {
    const { files, packages } = await loadedBy(entry);
    expect([...packages].filter((name) => name !== '@opentelemetry/api')).toEqual([]);
    expect([...files].map((file) => relative(lib, file)).filter((file) => /^(nest|api)\//.test(file))).toEqual([]);
  });

  it('keeps Nest to the folders that are for it', async () => {
    const sources = (await readdir(lib, { recursive: true })).filter((file) => file.endsWith('.ts'));
    for (const file of sources.filter((name) => !/^(nest|api)\//.test(name))) {
      expect(await readFile(join(lib, file), 'utf8'), file).not.toMatch(/from '@nestjs\//);
    }
  });
});
