// Only compiled: what tests of an application write, with the types of `@nestjs/testing` of this version.
import { Test } from '@nestjs/testing';
import { DispatchTestingModule, TestKit } from 'nestjs-dispatch/testing';

export async function useKit(): Promise<TestKit> {
  const builder = Test.createTestingModule({ imports: [DispatchTestingModule.forRoot()] });
  const app = await DispatchTestingModule.override(builder).compile();
  return app.get(TestKit) ?? DispatchTestingModule.kitOf(app);
}
