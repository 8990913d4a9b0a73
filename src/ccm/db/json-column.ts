// JSON kept in a TEXT column: the column's type remembers what the text holds. Only this process writes these columns, so reading trusts.

declare const holds: unique symbol;

/** JSON text of a `T`. */
export type JsonColumn<T> = string & { readonly [holds]?: T };

export function toJsonColumn<T>(value: T): JsonColumn<T> {
  return JSON.stringify(value);
}

export function fromJsonColumn<T>(text: JsonColumn<T>): T {
  return JSON.parse(text) as T;
}
