/**
 * Does something for each item, at most so many at a time, and returns the results in order. When one fails no more are
 * begun, those under way come to their end, and the first failure is thrown.
 */
export async function bounded<Item, T>(
  items: readonly Item[],
  concurrency: number,
  act: (item: Item, index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  let failure: { readonly thrown: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failure) {
      const index = next++;
      try {
        results[index] = await act(items[index]!, index);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  if (failure) throw failure.thrown;
  return results;
}
