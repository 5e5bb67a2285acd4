import type { PayloadClass } from '../../job/payload-schema.js';
import type { MethodParameters } from './dispatch-metadata.accessor.js';

/**
 * The class of a handler's payload parameter, if its properties have class-validator decorators: then it is the job's
 * schema. `undefined` also where class-validator is not installed.
 */
export async function inferPayloadClass({ own, types }: MethodParameters): Promise<PayloadClass | undefined> {
  const parameter = own.find(({ kind, ...rest }) => kind === 'payload' && !('field' in rest && rest.field));
  const type = parameter && types[parameter.index];
  if (typeof type !== 'function' || BUILT_IN.has(type)) return undefined;
  return (await isValidated(type)) ? (type as PayloadClass) : undefined;
}

/** What the compiler writes for plain types, interfaces and unions. */
const BUILT_IN: ReadonlySet<unknown> = new Set([
  Object,
  String,
  Number,
  Boolean,
  Array,
  Function,
  Promise,
  Date,
  Map,
  Set,
]);

async function isValidated(type: object): Promise<boolean> {
  const { getMetadataStorage } = await loadClassValidator();
  const rules = getMetadataStorage?.().getTargetValidationMetadatas(type as () => unknown, '', true, false);
  return rules !== undefined && rules.length > 0;
}

/** An optional peer. */
async function loadClassValidator(): Promise<Partial<typeof import('class-validator')>> {
  try {
    return await import('class-validator');
  } catch {
    return {};
  }
}
