import { InvalidOptionsError } from '../../errors.js';
import type { PerformJobOptions } from './performed-job.js';

/** A class whose methods handle jobs. */
export type HandlerClass<Handler extends object = object> = abstract new (...args: never[]) => Handler;

/** A method that handles jobs. */
export interface JobMethod {
  readonly method: string;
  /** Who it is to the engine, such as `InvoiceService.render`. */
  readonly owner: string;
  /** The names of its jobs. */
  readonly jobs: readonly string[];
}

/** Tells which methods of a class handle jobs. How classes say so is a matter of the framework. */
export type JobMethodsOf = (handler: HandlerClass) => readonly JobMethod[];

/** What `performJob` was given behind a class: a payload and options, or these behind the name of a method. */
export type BehindClass = readonly [methodOrInput?: unknown, inputOrOptions?: unknown, options?: PerformJobOptions];

/** A job of a class, with what it is to be performed with. */
export interface PickedJob {
  readonly name: string;
  readonly owner: string;
  readonly input: unknown;
  readonly options: PerformJobOptions | undefined;
}

/**
 * The job that a class, or one method of it, handles. A text that is the name of such a method names it; every other one is
 * a payload.
 *
 * @throws InvalidOptionsError when that is no job, or several
 */
export function pickJob(handler: HandlerClass, methods: readonly JobMethod[], given: BehindClass): PickedJob {
  const [first, second, third] = given;
  const named = methods.find(({ method }) => method === first);
  const candidates = named ? [named] : methods;
  const [only, ...others] = candidates.flatMap(({ owner, jobs }) => jobs.map((name) => ({ name, owner })));
  if (!only) {
    throw new InvalidOptionsError(
      `${handler.name} has no method with @Job (one of another instance does not count). Pass the class that has it, or what the job is named by.`,
    );
  }
  if (!named && isMethod(handler, first)) {
    throw new InvalidOptionsError(
      `${handler.name}.${first} has no @Job (those that have: ${methods.map(({ method }) => method).join(', ')}). If that text is the payload, name the job: performJob('${only.name}', '${first}').`,
    );
  }
  if (others.length > 0) throw severalJobs(handler, candidates, named);
  return named
    ? { ...only, input: second, options: third }
    : { ...only, input: first, options: second as PerformJobOptions | undefined };
}

function isMethod({ prototype }: HandlerClass, name: unknown): name is string {
  if (typeof name !== 'string' || name in Object.prototype) return false;
  return typeof (prototype as Readonly<Record<string, unknown>>)[name] === 'function';
}

function severalJobs(
  { name: className }: HandlerClass,
  methods: readonly JobMethod[],
  named: JobMethod | undefined,
): InvalidOptionsError {
  const jobs = methods.flatMap(({ method, jobs: names }) => names.map((name) => ({ name, method })));
  const list = jobs.map(({ name, method }) => `"${name}" (${method})`).join(', ');
  const single = methods.find(({ jobs: names }) => names.length === 1);
  const byMethod = single && ` or performJob(${className}, '${single.method}', payload)`;
  const whose = named ? `${className}.${named.method}` : className;
  return new InvalidOptionsError(
    `${whose} handles several jobs: ${list}. Say which: performJob('${jobs[0]!.name}', payload)${byMethod ?? ''}.`,
  );
}
