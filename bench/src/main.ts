// Measures what the command line asks for. Started by run.mjs, under the Node that all sides run on.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { USAGE, UsageError, parsePlan } from './arguments.ts';
import { describeMachine, describePeers } from './report/header.ts';
import { toJsonLine } from './report/results.ts';
import { scenarioPlot } from './report/plot.ts';
import { resultTable } from './report/table.ts';
import { type Outcome, runPlan } from './run.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { Servers } from './servers/servers.ts';

const root = join(import.meta.dirname, '..', '..');

async function main(): Promise<number> {
  const plan = parsePlan(
    process.argv.slice(2),
    SCENARIOS.map(({ name }) => name),
    join(root, 'docs', 'bench'),
  );
  if (plan === 'help') {
    console.log(USAGE);
    return 0;
  }
  if (plan === 'list') {
    for (const { name, about, trials } of SCENARIOS) {
      console.log(`${name}: ${about}\n  ${trials.map((trial) => trial.name).join(', ')}`);
    }
    return 0;
  }
  const servers = new Servers();
  const stopping = new AbortController();
  try {
    const scenarios = SCENARIOS.filter(({ name }) => plan.scenarios.includes(name));
    // After the servers' package has taken its own listeners, which it does when it is loaded.
    const outcome = await runPlan(
      plan,
      scenarios,
      servers,
      async (scenario, soFar) => {
        const groups = soFar.results.byMetric(scenario.name);
        if (groups.size === 0) return;
        console.log(`\n== ${scenario.name}: ${scenario.about}\n\n${resultTable(groups)}`);
        if (plan.plotFolder !== undefined) {
          await mkdir(plan.plotFolder, { recursive: true });
          await writeFile(join(plan.plotFolder, `${scenario.name}.svg`), scenarioPlot(scenario, groups, plan.scale));
        }
        if (plan.json !== undefined) await writeJson(plan.json, soFar);
      },
      stopping.signal,
      () => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) {
          process.on(signal, () => stopping.abort(new Error('interrupted')));
        }
      },
    );
    console.log(`\n${describeMachine(servers.all(), plan)}`);
    console.log(`\n${describePeers(outcome.results.all())}`);
    return report(outcome);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    console.error('interrupted');
    return 130;
  } finally {
    await servers.stop();
  }
}

async function writeJson(path: string, { results }: Outcome): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(
    path,
    results
      .all()
      .map((result) => `${JSON.stringify(toJsonLine(result))}\n`)
      .join(''),
  );
}

/** What was not measured, loudly. @returns the exit code */
function report({ notRun }: Outcome): number {
  for (const { peer, trial, reason } of notRun.filter(({ failed }) => !failed)) {
    console.log(`not for ${peer}: ${trial} (${reason})`);
  }
  const failures = notRun.filter(({ failed }) => failed);
  for (const { peer, trial, reason } of failures) console.error(`!! NOT RUN: ${peer}, ${trial}: ${reason}`);
  return failures.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof UsageError ? `bench: ${error.message}\n\n${USAGE}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
