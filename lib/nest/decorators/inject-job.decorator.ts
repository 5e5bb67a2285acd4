import { Inject } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';

/**
 * Injects the running job into a constructor parameter or property of a request-scoped provider: the `JobContext` of the
 * attempt, or the `Job` where an `@OnJobFailed` listener is called. The same as `@Inject(REQUEST)`, which it is for
 * providers that jobs alone use: within an HTTP request it is the request.
 *
 *     @Injectable({ scope: Scope.REQUEST })
 *     class Mailer {
 *       constructor(@InjectJob() private readonly job: JobContext) {}
 *     }
 */
export function InjectJob(): ParameterDecorator & PropertyDecorator {
  return Inject(REQUEST);
}
