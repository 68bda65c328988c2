/** GPT-2's two kinds of tokens behind one interface: what differs between texts and item tokens is chosen here alone. */
import type { z } from 'zod';
import type { Engine } from '../../../models/gpt2/engine/engine.ts';
import {
  gpt2ItemOptions,
  gpt2ItemSearch,
  type SplitSetting,
  type Tokens,
} from '../../../models/gpt2/item-options.ts';
import { gpt2Options, gpt2Search } from '../../../models/gpt2/options.ts';
import type { ModelSearch } from '../../../models/search-space.ts';
import type { DataOptions } from '../../protocol.ts';
import type { LanguageRecord } from '../../record.ts';
import type { RunContext, RunnableModel } from '../../run.ts';
import { requireBaseKept, type Start } from './base-kept.ts';
import type { FineTuningPlace, FineTuningSpec } from './fine-tune.ts';

type GivenOptions = Readonly<Record<string, unknown>>;

/** What a model is told of data and protocol. */
export interface Gpt2Setting {
  data: DataOptions;
  /** Cut-offs, and the split, "none" where all ratings are trained on. */
  protocol: { k: readonly number[]; split: string };
}

/** GPT-2 with all its options and the engine that they name. */
export interface OpenedGpt2 {
  /** What runs where: "ONNX Runtime 1.30.0 on 2 CPU threads". */
  engine: string;
  /** For a fit that saves in `output`: throws as `requireBaseKept` does, before any work. */
  requireBaseKept(output: string): Promise<void>;
  /** The model for the runner. It writes checkpoints to `place.output` and saves the trained model there. */
  model(setting: Gpt2Setting, place: FineTuningPlace): RunnableModel;
  /** Trains, asks for lists and scores them. Throws as `requireBaseKept` and `runFineTuned` do. */
  run(spec: FineTuningSpec): Promise<LanguageRecord>;
}

export interface TokenKind {
  /** All options, with their defaults. */
  schema: z.ZodObject;
  /** Folder of the results folder in which checkpoints and the model are kept, unless --output names another. */
  folder: string;
  /** What `recsys tune gpt2` searches with these options on this split. Throws as `model` does. */
  search(options: GivenOptions, setting: SplitSetting): ModelSearch;
  /** Whether training starts from random weights, which the seed decides, rather than from a model of the hub or a folder. */
  startsFromRandom(options: GivenOptions): boolean;
  /** Throws ZodError for options that `schema` does not take, and what `openEngine` throws. */
  open(options: GivenOptions, context: RunContext): Promise<OpenedGpt2>;
}

export const tokenKinds: Record<Tokens, TokenKind> = {
  text: {
    schema: gpt2Options,
    folder: 'gpt2',
    search: (options) => gpt2Search(gpt2Options.parse(options)),
    startsFromRandom: ({ init }) => init === 'scratch',
    async open(given, context) {
      const options = gpt2Options.parse(given);
      const { gpt2Model, runGpt2 } = await import('./text.ts');
      const { init, model, lora } = options;
      const start = { ...(init === 'pretrained' && { model }), savesAdapters: lora > 0 };
      const engine = await engineOf(options, context);
      return opened(engine, start, {
        model: (setting, place) => gpt2Model({ ...setting, options }, engine, place, context),
        run: (spec) => runGpt2({ ...spec, options }, engine, context),
      });
    },
  },
  items: {
    schema: gpt2ItemOptions,
    folder: 'gpt2-items',
    search: (options, setting) => gpt2ItemSearch(gpt2ItemOptions.parse(options), setting),
    startsFromRandom: ({ model }) => model === undefined,
    async open(given, context) {
      const options = gpt2ItemOptions.parse(given);
      const { itemModel, runItemGpt2 } = await import('./items.ts');
      const start = { model: options.model, savesAdapters: false };
      const engine = await engineOf(options, context);
      return opened(engine, start, {
        model: (setting, place) => itemModel({ ...setting, options }, engine, place, context),
        run: (spec) => runItemGpt2({ ...spec, options }, engine, context),
      });
    },
  },
};

function opened(engine: Engine, start: Start, { model, run }: Pick<OpenedGpt2, 'model' | 'run'>): OpenedGpt2 {
  return {
    engine: engine.description,
    requireBaseKept: (output) => requireBaseKept(start, output),
    model,
    async run(spec) {
      await requireBaseKept(start, spec.output);
      return await run(spec);
    },
  };
}

/** The kind of a run by its recorded options, which name `tokens` only where they are items. */
export function tokenKindOf({ tokens }: GivenOptions): TokenKind {
  return tokenKinds[tokens === 'items' ? 'items' : 'text'];
}

async function engineOf(
  options: { engine: 'onnx' | 'tfjs'; gpu: boolean },
  { threads }: RunContext,
): Promise<Engine> {
  const { openEngine } = await import('../../../models/gpt2/engine/open.ts');
  return await openEngine(options, threads);
}
