import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux that Node runs on

/**
 * Processor microseconds that a server and its children have used, the ended ones included.
 *
 * @returns null where there is no /proc to tell
 */
export function processorTimeUs(pid: number): number | null {
  const main = statOf(pid);
  if (!main) return null;
  let ticks = main.own + main.ended;
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : null;
    if (stat?.parent === pid) ticks += stat.own;
  }
  return (ticks * 1e6) / TICKS_PER_SECOND;
}

function statOf(pid: number): { parent: number; own: number; ended: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1]!, own: fields[11]! + fields[12]!, ended: fields[13]! + fields[14]! };
  } catch {
    return null;
  }
}
