/** The record of scripts/bench/chat.ts, and its table. */
import { z } from 'zod';

export const chatBenchmarkSchema = z.object({
  concurrency: z.int(),
  date: z.string(),
  cpu: z.string(),
  cores: z.int(),
  rows: z.array(
    z.object({
      users: z.int(),
      requests: z.int(),
      askedTwice: z.int().describe('requests whose body was sent before'),
      requestsOfSecondRun: z.int(),
      seconds: z.number(),
      secondsOfSecondRun: z.number(),
      peakMB: z.number(),
    }),
  ),
});

export type ChatBenchmark = z.output<typeof chatBenchmarkSchema>;

/** Head and rows of the table in docs. */
export function chatRows({ rows }: ChatBenchmark): string[][] {
  return [
    ['users', 'requests', 'asked twice', 'time', 'peak memory', 'second run', 'its requests'],
    ...rows.map((row) => [
      row.users.toLocaleString('en-US'),
      row.requests.toLocaleString('en-US'),
      String(row.askedTwice),
      `${row.seconds.toFixed(1)} s`,
      `${row.peakMB.toFixed(0)} MB`,
      `${row.secondsOfSecondRun.toFixed(1)} s`,
      String(row.requestsOfSecondRun),
    ]),
  ];
}
