import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from './arguments.ts';
import { type PeerName, SERVER_OF } from './peers/names.ts';
import type { Config, Place } from './peers/peer.ts';
import { AgentProcess } from './process/agent-process.ts';
import { ProgressBar } from './report/progress-bar.ts';
import { type Measure, Results } from './report/results.ts';
import { figure } from './report/statistics.ts';
import type { Bench, Scenario, Trial } from './scenarios/scenario.ts';
import type { Servers } from './servers/servers.ts';

/** A measurement that was not taken, and why. */
export interface NotRun {
  readonly peer: PeerName;
  readonly trial: string;
  readonly reason: string;
  /** It was taken and went wrong, instead of not being meant for this peer. */
  readonly failed: boolean;
}

export interface Outcome {
  readonly results: Results;
  readonly notRun: readonly NotRun[];
}

/**
 * Takes every measurement of the plan, peers in turn (A B, A B, ...), so that a slow minute of the machine hits all alike.
 *
 * @param afterScenario called with what there is so far
 * @param stopping ends it early
 * @param afterBoot called when the servers run
 */
export async function runPlan(
  plan: Plan,
  scenarios: readonly Scenario[],
  servers: Servers,
  afterScenario: (scenario: Scenario, outcome: Outcome) => Promise<void>,
  stopping: AbortSignal,
  afterBoot: () => void,
): Promise<Outcome> {
  const missing = await servers.boot(plan.peers);
  afterBoot();
  const results = new Results();
  const notRun: NotRun[] = [...missing].map(([peer, reason]) => ({ peer, trial: 'all', reason, failed: true }));
  const peers = plan.peers.filter((peer) => !missing.has(peer));
  const chosen = ({ name }: Trial) => plan.only.length === 0 || plan.only.includes(name);
  const trials = scenarios.flatMap((scenario) => scenario.trials.filter(chosen).map((trial) => ({ scenario, trial })));
  const progress = new ProgressBar(trials.length * peers.length * plan.runs);
  for (const [peer, reason] of missing) progress.say(`NOT RUN: ${peer}: ${reason}`);

  for (const scenario of scenarios) {
    for (const trial of scenario.trials.filter(chosen)) {
      const out = new Set<PeerName>();
      for (let run = 1; run <= plan.runs; run++) {
        for (const peer of peers) {
          stopping.throwIfAborted();
          const label = `${trial.name} ${peer} ${run}/${plan.runs}`;
          const unfit = trial.unfit?.(peer);
          if (unfit !== undefined && !out.has(peer))
            notRun.push({ peer, trial: trial.name, reason: unfit, failed: false });
          if (unfit !== undefined) out.add(peer);
          if (out.has(peer)) {
            progress.step(`${label}: not run`);
            continue;
          }
          progress.show(label);
          const show = (text: string) => progress.show(`${label}: ${text}`);
          try {
            const { config, measures } = await runTrial({ plan, trial, peer, run, servers, show, stopping });
            for (const measure of measures) results.add(peer, scenario.name, config, measure);
            progress.step(`${label}: ${summary(measures)}`);
          } catch (error) {
            stopping.throwIfAborted();
            const reason = (error as Error).message;
            notRun.push({ peer, trial: trial.name, reason, failed: true });
            out.add(peer);
            progress.say(`FAILED: ${label}: ${reason}`);
            progress.step(`${label}: failed`);
          }
        }
      }
    }
    progress.end();
    await afterScenario(scenario, { results, notRun });
  }
  return { results, notRun };
}

interface TrialRun {
  readonly plan: Plan;
  readonly trial: Trial;
  readonly peer: PeerName;
  readonly run: number;
  readonly servers: Servers;
  readonly show: (text: string) => void;
  readonly stopping: AbortSignal;
}

async function runTrial({
  plan,
  trial,
  peer,
  run,
  servers,
  show,
  stopping,
}: TrialRun): Promise<{ config: Config; measures: readonly Measure[] }> {
  const server = servers.of(peer);
  const folder = await mkdtemp(join(tmpdir(), 'dispatch-bench-'));
  const url = await server?.fresh();
  const place: Place = {
    folder,
    ...(url === undefined ? {} : SERVER_OF[peer] === 'postgres' ? { postgresUrl: url } : { redisUrl: url }),
  };
  const agents: AgentProcess[] = [];
  let config: Config | undefined;
  const bench: Bench = {
    peer,
    run,
    place,
    server,
    url,
    show,
    scaled: (amount) => Math.max(1, Math.round(amount * plan.scale)),
    async agent(purpose, more = {}) {
      stopping.throwIfAborted();
      const agent = new AgentProcess(peer);
      agents.push(agent);
      const overrides = { ...more, ...plan.overrides.get(peer) };
      const opened = await agent.call('open', { peer, place, purpose, overrides });
      config ??= opened.config;
      return agent;
    },
  };
  const abort = (): void => agents.forEach((agent) => agent.abandon());
  stopping.addEventListener('abort', abort);
  try {
    const measures = await trial.run(bench);
    return { config: config ?? {}, measures };
  } finally {
    stopping.removeEventListener('abort', abort);
    await Promise.all(agents.map((agent) => agent.close()));
    if (server && url !== undefined) await server.drop(url);
    await rm(folder, { recursive: true, force: true });
  }
}

function summary(measures: readonly Measure[]): string {
  const [first] = measures;
  return first ? `${figure(first.value)} ${first.unit}` : 'no figure';
}
