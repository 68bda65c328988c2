/** What a model thinks aloud before it answers is no part of the answer. */

/** How reasoning models mark their thoughts: opening and closing, compared without case. */
const THOUGHT_MARKS: readonly (readonly [string, string])[] = [
  ...['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'reflection', 'scratchpad', 'analysis'].map(
    (name) => [`<${name}>`, `</${name}>`] as const,
  ),
  ['[think]', '[/think]'],
  ['◁think▷', '◁/think▷'],
  ['<|begin_of_thought|>', '<|end_of_thought|>'],
  ['<|channel|>analysis', '<|end|>'],
];

/**
 * Removes blocks of thought. A block that is never closed goes on to the end of the text; a closing mark without an
 * opening one ends a block that began with the text, as servers send it whose template opens the block. Linear in the
 * length of the text.
 */
export function dropThinking(text: string): string {
  if (
    !/<[/|]?(?:think|thought|reason|reflection|scratchpad|analysis|begin|channel|start)|\[\/?think\]|◁/iu.test(
      text,
    )
  )
    return text;
  let rest = text;
  for (const [opening, closing] of THOUGHT_MARKS) rest = dropBlocks(rest, opening, closing);
  return rest.replaceAll(/<\|(?:start|end|return|channel|message)\|>(?:assistant|final)?/gu, '');
}

function dropBlocks(text: string, opening: string, closing: string): string {
  const lower = lowerCase(text);
  let at = 0;
  let kept = '';
  const firstClosing = lower.indexOf(closing);
  if (firstClosing < 0 && !lower.includes(opening)) return text;
  const firstOpening = lower.indexOf(opening);
  if (firstClosing >= 0 && (firstOpening < 0 || firstClosing < firstOpening))
    at = firstClosing + closing.length;
  while (at < text.length) {
    const start = lower.indexOf(opening, at);
    if (start < 0) return kept + text.slice(at).replaceAll(closing, '');
    kept += text.slice(at, start);
    const end = lower.indexOf(closing, start);
    if (end < 0) return kept;
    at = end + closing.length;
  }
  return kept;
}

/** Lower case of the ASCII letters alone, so that every character keeps its index. */
function lowerCase(text: string): string {
  return text.replaceAll(/[A-Z]+/gu, (letters) => letters.toLowerCase());
}
