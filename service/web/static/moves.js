/* Two lists side by side: what stands higher, lower, or in one of them alone. */

/** For each hit of a list, how it stands against the other: {kind, words} by id. `gone` names what a hit is that the
 *  other list does not have. */
export function movesOf(hits, others, gone) {
  const there = new Map(others.map((hit) => [hit.id, hit.rank]));
  const moves = new Map();
  for (const { id, rank } of hits) {
    const other = there.get(id);
    if (other === undefined) moves.set(id, gone ? { kind: "gone", words: "gone" } : { kind: "new", words: "new" });
    else if (!gone) moves.set(id, moved(other - rank));
  }
  return moves;
}

function moved(by) {
  if (by === 0) return { kind: "same", words: "=" };
  return by > 0 ? { kind: "up", words: `↑ ${by}` } : { kind: "down", words: `↓ ${-by}` };
}

/** How many hits two lists share. */
export function shared(hits, others) {
  const there = new Set(others.map((hit) => hit.id));
  return hits.filter((hit) => there.has(hit.id)).length;
}
