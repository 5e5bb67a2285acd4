import type { JobRegistry } from '../job/job-registry.js';
import type { ClaimRequest, NameClaim } from '../job/job-store.js';
import type { HeldJobs } from './held-jobs.js';

/**
 * The names whose jobs may be claimed now, and how many of those whose handlers have a limit. What is under way is
 * counted anew at each claim, and only where there are limits: jobs of other handlers pay nothing for it.
 */
export function namesWithRoom(
  registry: Pick<JobRegistry, 'names' | 'limits'>,
  held: Pick<HeldJobs, 'all'>,
): Pick<ClaimRequest, 'names'> & { readonly nameLimits: readonly NameClaim[] } {
  const names = registry.names();
  const limits = registry.limits();
  if (limits.size === 0) return { names, nameLimits: [] };
  const running = new Map<string, number>();
  for (const { name, settled } of held.all()) if (!settled) running.set(name, (running.get(name) ?? 0) + 1);
  const left = (name: string): number => (limits.get(name) ?? Number.POSITIVE_INFINITY) - (running.get(name) ?? 0);
  const open = names.filter((name) => left(name) > 0);
  const limited = open.filter((name) => limits.has(name));
  return { names: open, nameLimits: limited.map((name) => ({ name, limit: left(name) })) };
}
