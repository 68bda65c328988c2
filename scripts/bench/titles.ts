/** CPU time that matching 10,000 written titles takes: natural forms, other case, one in twenty not in the catalogue. */
import { loadDataset } from '../../src/data/loader.ts';
import { toNaturalTitle, TitleIndex } from '../../src/language/titles.ts';
import { median } from '../../src/util/arrays.ts';
import { Rng } from '../../src/util/rng.ts';

const { movies } = await loadDataset(process.argv[2] ?? 'ml-latest-small-2016');
const rng = new Rng(1);
const written = Array.from({ length: 10_000 }, (_, n) => {
  const title = toNaturalTitle(movies.titles[rng.int(movies.titles.length)]!);
  return n % 20 === 0 ? `Not ${title}` : n % 3 === 0 ? title.toLowerCase() : title;
});

const seconds: number[] = [];
let found = 0;
for (let run = 0; run < 7; run++) {
  const started = process.cpuUsage();
  const index = new TitleIndex(movies);
  found = written.filter((title) => 'item' in index.match(title)).length;
  const { user, system } = process.cpuUsage(started);
  seconds.push((user + system) / 1e6);
}
console.log(
  `10,000 titles against ${movies.titles.length} movies: median ${median(seconds).toFixed(3)} s of CPU time of 7 runs, building the ` +
    `index included; ${found} found`,
);
