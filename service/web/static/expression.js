/* The filter that is sent: the person's line, and what was picked of facets and ranges, in the filter language. */

/** The whole filter; "" for none. `without` leaves out what was picked of one field. */
export function expressionOf(line, picks, without = null) {
  const own = line.trim();
  const picked = Object.entries(picks)
    .filter(([field]) => field !== without)
    .map(([field, pick]) => conditionOf(field, pick))
    .filter(Boolean);
  if (!picked.length) return own;
  return [...(own ? [`(${own})`] : []), ...picked].join(" and ");
}

function conditionOf(field, pick) {
  const name = quotedName(field);
  if (Array.isArray(pick?.values)) {
    return pick.values.length ? `${name} in (${pick.values.map(literal).join(", ")})` : "";
  }
  const bounds = [];
  if (isBound(pick?.from)) bounds.push(`${name} >= ${literal(pick.from)}`);
  if (isBound(pick?.to)) bounds.push(`${name} <= ${literal(pick.to)}`);
  return bounds.join(" and ");
}

// JSON's numbers and escapes are the language's.
const literal = (value) => JSON.stringify(value);
const isBound = (value) => value !== undefined && value !== null && value !== "";
const quotedName = (field) => `\`${JSON.stringify(field).slice(1, -1).replaceAll("`", "\\`")}\``;

/** What a message of the server says of a filter: {reason, line, at}, with the character that it points to. */
export function mistakeIn(detail) {
  const [reason, line, pointer] = detail.split("\n");
  if (pointer === undefined) return { reason: detail, line: "", at: -1 };
  return { reason, line: line.slice(2), at: pointer.indexOf("^") - 2 };
}
