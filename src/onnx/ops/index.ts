/** The table of operations: shape rule, emission and gradient of each stand together in its row. */
import { Graph, type Rules } from '../graph.ts';
import { elementwise } from './elementwise.ts';
import { layers } from './layers.ts';
import { lookup } from './lookup.ts';
import { shaping } from './shaping.ts';

export const rules: Rules = { ...elementwise, ...shaping, ...layers, ...lookup };

/** An empty graph over these operations. */
export function createGraph(): Graph {
  return new Graph(rules);
}
