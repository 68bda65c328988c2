/** One ranking from several: the one that disagrees least with them. */

/**
 * The central ranking of some lists: the order with the fewest disagreements in pairs, summed over the lists (Kemeny 1959;
 * for language models asked with the candidates in several orders: Tang et al. 2023, arXiv 2310.07712). A movie that a
 * list lacks stands below all that it has. Starts from the mean rank and moves one movie at a time to its best place until
 * no move helps, so that the result is a local optimum. Equal ones by ascending item. Returns every item of the lists.
 */
export function centralRanking(lists: readonly (readonly number[])[]): number[] {
  const items = [...new Set(lists.flat())].sort((a, b) => a - b);
  const ranks = lists.map((list) => new Map(list.map((item, rank) => [item, rank])));
  const rankIn = (list: number, item: number) => ranks[list]!.get(item) ?? Infinity;
  /** Lists that have `a` above `b`, less those that have `b` above `a`. */
  const preference = (a: number, b: number) => {
    let balance = 0;
    for (let list = 0; list < lists.length; list++) {
      const [first, second] = [rankIn(list, a), rankIn(list, b)];
      balance += Number(first < second) - Number(second < first);
    }
    return balance;
  };
  const meanRank = new Map(
    items.map((item) => [
      item,
      lists.reduce((total, list, n) => total + Math.min(rankIn(n, item), list.length), 0),
    ]),
  );
  const order = items.toSorted((a, b) => meanRank.get(a)! - meanRank.get(b)! || a - b);
  let improves = true;
  while (improves) {
    improves = false;
    for (const item of items) improves = moveToBestPlace(order, item, preference) || improves;
  }
  return order;
}

/** Moves `item` within `order` to where most pairs agree; true where that is better than its place. */
function moveToBestPlace(
  order: number[],
  item: number,
  preference: (a: number, b: number) => number,
): boolean {
  const from = order.indexOf(item);
  let [best, gain] = [from, 0];
  for (const step of [-1, 1]) {
    let change = 0;
    for (let to = from + step; to >= 0 && to < order.length; to += step) {
      // Passing upwards puts the item above its neighbour, passing downwards below it.
      change += step === -1 ? preference(item, order[to]!) : preference(order[to]!, item);
      if (change > gain) [best, gain] = [to, change];
    }
  }
  if (best === from) return false;
  order.splice(from, 1);
  order.splice(best, 0, item);
  return true;
}
