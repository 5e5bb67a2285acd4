import { Inject } from '@nestjs/common';
import { getDispatchToken } from '../dispatch-token.js';

/**
 * Injects a `DispatchService` into a constructor parameter or property.
 *
 * @param name of a named instance; left out, the application's default one
 */
export function InjectDispatch(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getDispatchToken(name));
}
