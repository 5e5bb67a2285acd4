/** The class of an object or prototype; one made by hand may have none, and stands for itself. */
export function classOf(of: object): object & { readonly name?: unknown } {
  return (of as { readonly constructor?: object }).constructor ?? of;
}

/** Its name, for messages. */
export function classNameOf(of: object): string {
  const { name } = classOf(of);
  return typeof name === 'string' && name !== '' ? name : 'an object without a class';
}
