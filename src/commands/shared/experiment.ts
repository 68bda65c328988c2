/** What every experiment command shares: its flags stand in sections, which are the fields of a plan (`recsys run`). */
import type { Command } from 'commander';
import { z } from 'zod';
import { print } from '../../util/process/terminal.ts';
import { addressOf, withoutSecrets } from '../../util/network/urls.ts';
import {
  addFlagGroup,
  DATA_HEADING,
  OUTPUT_HEADING,
  PROTOCOL_HEADING,
  readFlags,
  type Typed,
} from './flags.ts';

/** Fields at the top of a plan. */
export const runSchema = z.object({
  name: z
    .string()
    .regex(/^\w[\w.-]*$/, { message: 'expected letters, digits, ".", "_" and "-"' })
    .optional()
    .describe('name of the record, in place of the command’s own: NAME_metrics.json'),
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, { message: 'a seed is named twice' })
    .optional()
    .describe('run once with each of these seeds: means, standard deviations and intervals in one record'),
});

const planFlag = z.object({
  printPlan: z
    .boolean()
    .default(false)
    .describe('print this experiment as a plan for `recsys run`, and do nothing else'),
});

/** Headings of sections in the help; flags of the others stand under "Options:". */
const headings: Readonly<Record<string, string>> = {
  data: DATA_HEADING,
  protocol: PROTOCOL_HEADING,
  save: OUTPUT_HEADING,
  output: OUTPUT_HEADING,
};

/** Flags of an experiment command by the field of the plan that holds them; those of `top` stand at its top. */
export type Sections = Record<string, z.ZodObject>;

/**
 * Adds the flags of `sections` and `--print-plan`. `run` gets what was typed; `plan` gives the fields of the plan that are
 * no section, such as `models`.
 */
export function experimentCommand(
  command: Command,
  sections: Sections,
  run: (typed: Typed) => Promise<void>,
  plan: (typed: Typed) => Record<string, unknown> = () => ({}),
): Command {
  for (const [name, schema] of Object.entries(sections)) {
    addFlagGroup(command, headings[name] ?? 'Options:', schema);
  }
  addFlagGroup(command, OUTPUT_HEADING, planFlag);
  return command.action(async (typed: Typed) => {
    if (!readFlags(planFlag, typed).printPlan) return await run(typed);
    const { planText } = await import('../plan/write.ts');
    const { top, ...others } = sectionsOf(sections, withoutKeys(typed));
    print(planText({ ...top, ...plan(typed), ...others }));
  });
}

/** A plan is kept and shared: it holds no key that stood in `--base-url`. */
function withoutKeys(typed: Typed): Typed {
  const { baseUrl } = typed;
  if (typeof baseUrl !== 'string') return typed;
  return { ...typed, baseUrl: withoutSecrets(baseUrl, addressOf(baseUrl).secrets) };
}

/** Sections that a plan spells out, so that it means the same when a default changes. */
const COMPLETE_SECTIONS = ['data', 'protocol'];

function sectionsOf(sections: Sections, typed: Typed): Record<string, Typed> {
  return Object.fromEntries(
    Object.entries(sections).map(([name, schema]): [string, Typed] => {
      const complete = readFlags(schema, typed);
      if (COMPLETE_SECTIONS.includes(name)) return [name, complete];
      return [name, Object.fromEntries(Object.keys(schema.shape).map((key) => [key, typed[key]]))];
    }),
  );
}
