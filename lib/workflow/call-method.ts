import type { CodecRegistry } from '../codec/payload-codec.js';
import { NonRetryableError } from '../job/control-outcomes.js';
import { scopeOf } from '../job/job.js';
import { errorText } from '../observability/logger.js';
import type { Carrier } from '../scope/carrier.js';
import { scope } from '../scope/scope.js';
import type { Activation } from './activation.js';
import { createContext } from './run-context.js';
import type { RegisteredWorkflow, WorkflowRegistry } from './workflow-registry.js';

export interface MethodOptions {
  readonly workflow: RegisteredWorkflow | undefined;
  readonly registry: WorkflowRegistry;
  readonly codecs: CodecRegistry;
  readonly carrier: Carrier | undefined;
}

const NO_HEADERS = Object.freeze({});

/** Calls the method of a run with its input, checked, in the run's scope and context. May throw or reject. */
export function callMethod(activation: Activation, { workflow, registry, codecs, carrier }: MethodOptions): unknown {
  const { run } = activation;
  const { handler, validate } = workflow!;
  const inside = (): unknown => {
    const input = decodeInput(codecs, run);
    const context = createContext(activation, registry);
    return validate ? validate(input).then((checked) => handler!(checked, context)) : handler!(input, context);
  };
  const restored = carrier ? () => carrier.restore(run.headers ?? NO_HEADERS, inside) : inside;
  const own = scopeOf(run);
  return own ? scope.restore(own, restored) : restored();
}

function decodeInput(codecs: CodecRegistry, { codec, input }: Activation['run']): unknown {
  try {
    return codecs.decode(codec, input);
  } catch (cause) {
    throw new NonRetryableError(`the stored input cannot be decoded: ${errorText(cause)}`, { cause });
  }
}
