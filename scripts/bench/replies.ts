/** CPU time that hostile and long replies take to parse: the median of 15 runs, in milliseconds. */
import { parseReply } from '../../src/language/reply.ts';

const RUNS = 15;

const object = '{"title":"The Matrix (1999)","reason":"x"';
const texts: Record<string, string> = {
  '20,000 opening brackets': '['.repeat(20_000),
  '20,000 opening braces': '{'.repeat(20_000),
  '10,000 empty brackets': '[]'.repeat(10_000),
  '20,000 brackets and braces': '[{'.repeat(10_000),
  '4,000 objects without their ends': `{"recommendations":[${object.repeat(4000)}`,
  '4,000 objects cut in a string': '{"title":"The Matrix (1999)","rea'.repeat(4000),
  '4,000 whole objects': `{"recommendations":[${Array<string>(4000).fill(`${object}}`).join(',')}]}`,
  '20,000 opening thoughts': '<think>'.repeat(20_000),
  '20,000 quotes': `["${'", '.repeat(20_000)}`,
  '4,000 lines of a list': '1. The Matrix (1999) - x\n'.repeat(4000),
};

for (const [name, text] of Object.entries(texts)) {
  const milliseconds = Array.from({ length: RUNS }, () => {
    const started = process.cpuUsage();
    parseReply(text);
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  }).sort((a, b) => a - b);
  console.log(`${name} (${text.length} characters): ${milliseconds[RUNS >> 1]!.toFixed(1)} ms`);
}
