/** Durations in the headers and words of servers. */

/** No run waits longer than a month. */
const MAX_PARSED_WAIT_SECONDS = 30 * 86_400;

/** Seconds that headers ask to wait: `retry-after-ms`, `retry-after` (seconds or a date); undefined where they say nothing. */
export function readRetryAfter(headers: Headers, now: Date): number | undefined {
  const milliseconds = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (milliseconds >= 0) return Math.min(milliseconds / 1000, MAX_PARSED_WAIT_SECONDS);
  const header = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+(?:\.\d+)?$/u.test(header)) return Math.min(Number(header), MAX_PARSED_WAIT_SECONDS);
  const date = /^[a-z]{3}/iu.test(header) ? Date.parse(header) : NaN;
  if (!Number.isNaN(date))
    return Math.min(Math.max(0, (date - now.getTime()) / 1000), MAX_PARSED_WAIT_SECONDS);
  return undefined;
}

/** Seconds that "please try again in 4s" or the like asks to wait; undefined where a text says nothing of the kind. */
export function readWaitInWords(text: string): number | undefined {
  return readWords(/(?:try again|retry) (?:in|after) (\d.{0,60})/iu.exec(text)?.[1] ?? '');
}

/** "1m30.5s" or "2 minutes and 5 seconds" at the beginning of a text, in seconds. */
function readWords(text: string): number | undefined {
  const amount =
    /(?:and )?(\d+(?:\.\d+)?) ?(ms|m(?=illis)|s|m|h)(?:ec|econd|in|inute|our|illisecond)?s?(?![a-z]),? ?/iuy;
  let seconds: number | undefined;
  for (let match = amount.exec(text); match; match = amount.exec(text)) {
    const [whole, number, unit = 's'] = match;
    const key = /milli/iu.test(whole) ? 'ms' : unit.toLowerCase();
    seconds = (seconds ?? 0) + Number(number) * SECONDS_PER_UNIT[key as keyof typeof SECONDS_PER_UNIT];
  }
  return seconds === undefined ? undefined : Math.min(seconds, MAX_PARSED_WAIT_SECONDS);
}

const SECONDS_PER_UNIT = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** "1m30.5s", "20ms" or "6h" in seconds; undefined for anything else. */
export function readDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/u.test(text)) return undefined;
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gu)) {
    seconds += Number(number) * SECONDS_PER_UNIT[unit as keyof typeof SECONDS_PER_UNIT];
  }
  return Math.min(seconds, MAX_PARSED_WAIT_SECONDS);
}
