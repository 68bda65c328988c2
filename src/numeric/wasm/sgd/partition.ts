// The ratings of each block of users, sorted into the cells of the block (see state.ts).
import { word } from '../memory';
import { cellPointersOf, SgdState } from './state';

// The next entry of each cell.
export function sgdPartitionScratch(state: SgdState): usize {
  return (<usize>state.blocks) << 2;
}

// Sorts the ratings of user blocks `begin` to `end` into their cells.
export function sgdPartition(begin: i32, end: i32, scratch: usize, state: SgdState): void {
  const blocks = state.blocks;
  const pointers = state.pointers;
  const indices = state.indices;
  const levels = state.levels;
  const itemBlocks = state.itemBlocks;
  const cellUsers = state.cellUsers;
  const cellItems = state.cellItems;
  const cellLevels = state.cellLevels;
  for (let block = begin; block < end; block++) {
    const firstUser = word(state.blockUserPointers, block);
    const users = word(state.blockUserPointers, block + 1) - firstUser;
    memory.fill(scratch, 0, (<usize>blocks) << 2);
    for (let n = 0; n < users; n++) {
      const user = word(state.blockUsers, firstUser + n);
      for (let p = word(pointers, user); p < word(pointers, user + 1); p++) {
        const count = scratch + ((<usize>load<u8>(itemBlocks + word(indices, p))) << 2);
        store<i32>(count, load<i32>(count) + 1);
      }
    }
    let offset = word(state.blockRatingPointers, block);
    for (let cell = 0; cell < blocks; cell++) {
      const count = word(scratch, cell);
      store<i32>(scratch + ((<usize>cell) << 2), offset);
      offset += count;
    }
    for (let n = 0; n <= users; n++) {
      for (let cell = 0; cell < blocks; cell++)
        store<i32>(cellPointersOf(state, block, cell) + ((<usize>n) << 2), word(scratch, cell));
      if (n == users) break;
      const user = word(state.blockUsers, firstUser + n);
      for (let p = word(pointers, user); p < word(pointers, user + 1); p++) {
        const item = word(indices, p);
        const next = scratch + ((<usize>load<u8>(itemBlocks + item)) << 2);
        const at = load<i32>(next);
        store<i32>(next, at + 1);
        store<u16>(cellUsers + ((<usize>at) << 1), <u16>n);
        store<i32>(cellItems + ((<usize>at) << 2), item);
        store<u8>(cellLevels + at, load<u8>(levels + p));
      }
    }
  }
}
