import { type PayloadFieldError, InvalidOptionsError, PayloadValidationError } from '../errors.js';
import {
  type PayloadClass,
  type PayloadSchema,
  type StandardIssue,
  type StandardSchema,
  isStandardSchema,
} from './payload-schema.js';

/**
 * Checks one payload and returns it as its handler wants it: an instance of its class, or the schema's output.
 *
 * @throws PayloadValidationError naming each field
 */
export type PayloadValidator = (payload: unknown) => Promise<unknown>;

/** The validator of a schema, for the job of this name. @throws InvalidOptionsError when it is none */
export function createPayloadValidator(jobName: string, schema: PayloadSchema): PayloadValidator {
  const given = schema as unknown;
  if (typeof given !== 'function' && (typeof given !== 'object' || given === null || !('~standard' in given))) {
    throw new InvalidOptionsError(`"payload" must be a class or a Standard Schema (got ${typeof given}).`);
  }
  return isStandardSchema(schema) ? standardValidator(jobName, schema) : classValidator(jobName, schema);
}

function standardValidator(jobName: string, schema: StandardSchema): PayloadValidator {
  return async (payload) => {
    const result = await schema['~standard'].validate(payload);
    if (result.issues) throw new PayloadValidationError(jobName, groupByPath(result.issues.map(fromIssue)));
    return result.value;
  };
}

function fromIssue(issue: StandardIssue): { path: string; message: string } {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return { path, message: issue.message };
}

function groupByPath(issues: readonly { path: string; message: string }[]): PayloadFieldError[] {
  const byPath = new Map<string, string[]>();
  for (const { path, message } of issues) {
    const messages = byPath.get(path);
    if (messages) messages.push(message);
    else byPath.set(path, [message]);
  }
  return [...byPath].map(([path, messages]) => ({ path, messages }));
}

/** The parts of class-validator and class-transformer that are used here; both are optional peers. */
interface ClassTools {
  plainToInstance(type: PayloadClass, plain: unknown): unknown;
  validate(instance: object, options: object): Promise<readonly ClassError[]>;
}

interface ClassError {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly ClassError[];
}

let classTools: Promise<ClassTools> | undefined;

function loadClassTools(): Promise<ClassTools> {
  classTools ??= Promise.all([import('class-transformer'), import('class-validator')]).then(
    ([transformer, validator]) => ({
      plainToInstance: transformer.plainToInstance,
      validate: (instance, options) => validator.validate(instance, options),
    }),
    (cause: unknown) => {
      classTools = undefined;
      throw new InvalidOptionsError(
        'validating payload classes needs class-validator and class-transformer: npm install class-validator class-transformer',
        { cause },
      );
    },
  );
  return classTools;
}

function classValidator(jobName: string, type: PayloadClass): PayloadValidator {
  return async (payload) => {
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
      throw new PayloadValidationError(jobName, [{ path: '', messages: [`must be an object (${type.name})`] }]);
    }
    const tools = await loadClassTools();
    const instance = tools.plainToInstance(type, payload) as object;
    const errors = await tools.validate(instance, { forbidUnknownValues: false });
    if (errors.length > 0) throw new PayloadValidationError(jobName, flatten(errors, ''));
    return instance;
  };
}

function flatten(errors: readonly ClassError[], prefix: string): PayloadFieldError[] {
  return errors.flatMap((error) => {
    const path = prefix ? `${prefix}.${error.property}` : error.property;
    const own = error.constraints ? [{ path, messages: Object.values(error.constraints) }] : [];
    return [...own, ...flatten(error.children ?? [], path)];
  });
}
