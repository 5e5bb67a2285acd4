import { rm } from 'node:fs/promises';

for (const folder of ['dist', 'dist-sample', 'dist-chaos']) await rm(folder, { recursive: true, force: true });
