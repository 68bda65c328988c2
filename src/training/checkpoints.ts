/** What training keeps on disk: the last two checkpoints, the best weights, and a line of JSON per update. */
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../util/errors.ts';
import { DAMAGED, exists, putAside, readTextFile, writeFileAtomic } from '../util/files.ts';
import type { Parameters } from '../huggingface/tensors.ts';
import { openSafetensors, writeSafetensors } from '../huggingface/safetensors.ts';
import type { TrainingState } from './trainee.ts';

/** How far training has come, besides weights and moments. All randomness follows from the seed and `updates`. */
const progressSchema = z.object({
  updates: z.int().min(0),
  /** Digest of all that shapes the numbers. */
  settings: z.string(),
  /** False at the end of a pass whose validation is still to be made. */
  validated: z.boolean().default(true), // checkpoints without it stand after the validation
  /** Best validation so far, and the passes since; without validation it stays null. */
  best: z.number().nullable(),
  passesSinceBest: z.int().min(0),
  /** Early stopping has ended it. */
  stopped: z.boolean(),
});
export type TrainingProgress = z.output<typeof progressSchema>;

const MAX_CHECKPOINTS = 2;
/** The file of the best weights. */
const BEST = 'best.safetensors';
const kinds = ['weights', 'first', 'second'] as const;

export class TrainingStore {
  readonly folder: string;
  readonly #log: string;

  constructor(output: string, log: string) {
    this.folder = join(output, 'checkpoints');
    this.#log = log;
  }

  /** Writes a checkpoint, whole or not at all, then drops all but the last two. */
  async save(state: TrainingState, progress: TrainingProgress): Promise<void> {
    const tensors: Parameters = new Map();
    for (const kind of kinds) {
      for (const [name, tensor] of state[kind]) tensors.set(`${kind}/${name}`, tensor);
    }
    await mkdir(this.folder, { recursive: true });
    const name = `update-${String(progress.updates).padStart(8, '0')}.safetensors`;
    await writeChecked(join(this.folder, name), tensors, { progress: JSON.stringify(progress) });
    // A run that was resumed from an older checkpoint leaves the newer ones of its past behind: they go too.
    const others = (await this.#checkpoints()).filter((other) => other !== name);
    const older = others.filter((other) => other < name);
    const useless = others.filter(
      (other) => other > name || older.indexOf(other) < older.length - MAX_CHECKPOINTS + 1,
    );
    for (const file of useless) await rm(join(this.folder, file), { force: true });
  }

  /**
   * The newest checkpoint that can be read, or undefined without one; where the best weights cannot be read, one from
   * before the first validation. Throws DataError when it was made with other settings. `note` gets a sentence about each
   * file that cannot be read.
   */
  async load(settings: string, note: (line: string) => void) {
    const hasBest = await this.#hasBest(note);
    for (const name of (await this.#checkpoints()).toReversed()) {
      const path = join(this.folder, name);
      try {
        const { state, progress } = await readState(path);
        requireSettings(path, progress, settings);
        if (progress.best === null || hasBest) return { state, progress };
        note(`${path} cannot be used without the best weights: going on with the checkpoint before it.`);
      } catch (error) {
        if (!(error instanceof DataError) || error.facts.wanted === undefined) throw error;
        note(`${error.message} ${await putAside(path)}: going on with the checkpoint before it.`);
      }
    }
    return undefined;
  }

  /** Whether the weights that `saveBest` kept are whole; damaged ones are put aside. */
  async #hasBest(note: (line: string) => void): Promise<boolean> {
    const path = join(this.folder, BEST);
    if (!(await exists(path))) return false;
    try {
      await readChecked(path);
      return true;
    } catch (error) {
      if (!(error instanceof DataError) || error.facts.wanted === undefined) throw error;
      note(`${error.message} ${await putAside(path)}.`);
      return false;
    }
  }

  /** A new run begins: what an earlier one left goes, except damaged files that a person may want to look at. */
  async clear(): Promise<void> {
    for (const name of await readdir(this.folder).catch(() => [])) {
      if (!name.endsWith(DAMAGED)) await rm(join(this.folder, name), { recursive: true, force: true });
    }
    await rm(this.#log, { force: true });
  }

  /** Keeps the weights of the best validation so far. */
  async saveBest(weights: Parameters): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeChecked(join(this.folder, BEST), weights, {});
  }

  /** What `saveBest` kept last. */
  async loadBest(): Promise<Parameters> {
    const path = join(this.folder, BEST);
    const { tensors } = await readChecked(path);
    return tensors;
  }

  async #checkpoints(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names.filter((name) => /^update-\d+\.safetensors$/.test(name)).sort();
  }

  /** Appends a line to the log; written before the next update begins. */
  append(line: Record<string, unknown>): void {
    mkdirSync(dirname(this.#log), { recursive: true });
    appendFileSync(this.#log, `${JSON.stringify(line)}\n`);
  }

  /** Drops what was logged after this: it will be made again. */
  async truncateLog({ updates, validated }: Pick<TrainingProgress, 'updates' | 'validated'>): Promise<void> {
    const text = await readTextFile(this.#log, 'a training log').catch(() => '');
    const kept = text.split('\n').filter((line) => {
      try {
        const { update, step, loss } = JSON.parse(line) as { update?: number; step?: number; loss?: number };
        const at = update ?? step ?? Infinity; // `step` in logs of version 0.1
        return at < updates || (at === updates && (validated || loss !== undefined));
      } catch {
        return false; // the end of a line that a kill cut off
      }
    });
    await writeFileAtomic(this.#log, kept.map((line) => `${line}\n`).join(''));
  }
}

function requireSettings(path: string, progress: TrainingProgress, settings: string): void {
  if (progress.settings === settings) return;
  throw new DataError({
    place: path,
    found: 'a checkpoint of a run with other settings, data or seed',
    remedy: `Repeat the settings of that run, or start anew: without --resume, with another --output, or by deleting ${dirname(path)}.`,
  });
}

async function readState(path: string): Promise<{ state: TrainingState; progress: TrainingProgress }> {
  const { tensors, metadata } = await readChecked(path);
  const progress = progressSchema.parse(JSON.parse(metadata['progress'] ?? 'null'));
  const of = (kind: string): Parameters =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(`${kind}/`))
        .map(([name, tensor]) => [name.slice(kind.length + 1), tensor]),
    );
  const [weights, first, second] = [of('weights'), of('first'), of('second')];
  return { state: { updates: progress.updates, weights, first, second }, progress };
}

/** Writes tensors with the SHA-256 of all of them and of `metadata`. */
async function writeChecked(
  path: string,
  tensors: Parameters,
  metadata: Record<string, string>,
): Promise<void> {
  await writeSafetensors(path, tensors, { ...metadata, sha256: digestOf(tensors, metadata) });
}

/** Throws DataError when the file is not, to the byte, what `writeChecked` wrote. */
async function readChecked(path: string): Promise<{ tensors: Parameters; metadata: Record<string, string> }> {
  const file = await openSafetensors(path);
  try {
    const { sha256: recorded, ...metadata } = file.metadata;
    if (recorded === undefined) {
      throw new DataError({
        place: path,
        found: 'no checksum: damaged, or a checkpoint of another version of this program',
        wanted: 'a checkpoint of this version',
        remedy: 'Start anew without --resume.',
      });
    }
    const tensors: Parameters = new Map();
    for (const [name, { shape }] of file.entries) {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      await file.readInto(name, data);
      tensors.set(name, { shape, data });
    }
    const found = digestOf(tensors, metadata);
    if (found === recorded) return { tensors, metadata };
    throw new DataError({ place: path, found: `SHA-256 ${found}`, wanted: recorded });
  } finally {
    await file.close();
  }
}

function digestOf(tensors: Parameters, metadata: Record<string, string>): string {
  const hash = createHash('sha256').update(JSON.stringify(metadata));
  for (const [name, { shape, data }] of tensors) {
    hash.update(JSON.stringify([name, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
