import { cpus, totalmem } from 'node:os';
import type { Plan } from '../arguments.ts';
import type { Server } from '../servers/server.ts';
import type { Result } from './results.ts';

/** What everything was measured on. */
export function describeMachine(servers: readonly Server[], plan: Plan): string {
  const processors = cpus();
  return [
    `Node ${process.version}, ${process.platform} ${process.arch}, ${processors.length} x ${processors[0]?.model.trim() ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    ...servers.map(({ about }) => about),
    `medians of ${plan.runs} run${plan.runs === 1 ? '' : 's'}, peers in turn${plan.scale === 1 ? '' : `, at scale ${plan.scale}: not to be compared with other scales`}`,
  ].join('\n');
}

/** How each peer was set up, once for each way. */
export function describePeers(results: readonly Result[]): string {
  const lines = new Map<string, string[]>();
  for (const { peer, config, scenario } of results) {
    const settings = Object.entries(config).map(([name, value]) => `${name} ${String(value)}`);
    const line = `${peer}: ${settings.join(', ')}`;
    const scenarios = lines.get(line) ?? [];
    if (!scenarios.includes(scenario)) lines.set(line, [...scenarios, scenario]);
  }
  return [...lines].map(([line, scenarios]) => `${line} (${scenarios.join(', ')})`).join('\n');
}
