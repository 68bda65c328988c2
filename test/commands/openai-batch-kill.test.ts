import type { ChildProcess } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chatServer, type ChatServer, type RawAnswer } from '../support/chat-server.ts';
import { recsys, smallFolder } from '../support/cli.ts';

/** What the server has just got, or has just answered: the moments at which the program is killed. */
const moments = [
  'file received',
  'file answered',
  'batch received',
  'batch answered',
  'batch looked at',
  'output received',
] as const;
type Moment = (typeof moments)[number];

const json = (value: unknown): RawAnswer => ({ raw: JSON.stringify(value) });
const reply = JSON.stringify({ recommendations: [{ title: 'The Film 1 (1980)', reason: 'x' }] });
/** Polls of a batch before it is done. */
const POLLS = 2;

interface Batch {
  id: string;
  status: string;
  input_file_id: string;
  metadata: { recsys_slice: string };
  output_file_id?: string;
}

/** Files and batches on loopback; `reach` is awaited at each moment. */
async function batchServer(batches: Batch[], reach: (moment: Moment) => Promise<void>): Promise<ChatServer> {
  const files = new Map<string, string>();
  const polls = new Map<string, number>();
  const made = await chatServer(() => reply);
  made.serve('/v1/files', async (body, method, url) => {
    if (method === 'DELETE') return json({ deleted: true });
    if (method === 'GET') {
      await reach('output received');
      return { raw: files.get(/files\/([^/]+)\/content/u.exec(url)![1]!) ?? '' };
    }
    await reach('file received');
    const id = `file-${files.size}`;
    files.set(id, body);
    setTimeout(() => void reach('file answered'), 30);
    return json({ id, object: 'file' });
  });
  made.serve('/v1/batches', async (body, method, url) => {
    if (method === 'POST') {
      const request = JSON.parse(body) as Pick<Batch, 'input_file_id' | 'metadata'>;
      const batch: Batch = { id: `batch-${batches.length}`, status: 'in_progress', ...request };
      batches.push(batch);
      await reach('batch received');
      setTimeout(() => void reach('batch answered'), 30);
      return json(batch);
    }
    const id = /batches\/([^/?]+)/u.exec(url)?.[1];
    if (id === undefined) return json({ object: 'list', data: batches, has_more: false });
    await reach('batch looked at');
    const batch = batches.find((one) => one.id === id)!;
    polls.set(id, (polls.get(id) ?? 0) + 1);
    if (polls.get(id)! >= POLLS) finish(batch, files);
    return json(batch);
  });
  return made;
}

function finish(batch: Batch, files: Map<string, string>): void {
  batch.status = 'completed';
  batch.output_file_id = `out-${batch.id}`;
  const lines = files.get(batch.input_file_id)!.split(/\r?\n/u);
  const output = lines
    .filter((line) => line.startsWith('{"custom_id"'))
    .map((line) => {
      const { custom_id } = JSON.parse(line) as { custom_id: string };
      const choices = [{ finish_reason: 'stop', message: { content: reply } }];
      const body = { model: 'm', choices, usage: { prompt_tokens: 10, completion_tokens: 5 } };
      return JSON.stringify({ custom_id, response: { status_code: 200, body } });
    });
  files.set(batch.output_file_id, output.join('\n'));
}

describe('a batch run that is killed (kill -9)', () => {
  // At once, as each has a server, a folder and processes of its own.
  it.concurrent.each(moments)(
    'when the server has %s goes on, and submits no slice twice',
    async (moment) => {
      const [dataset, cwd] = await Promise.all([smallFolder(), mkdtemp(join(tmpdir(), 'recsys-kill-'))]);
      const batches: Batch[] = [];
      let child: ChildProcess | undefined;
      const kill = () => {
        const running = child;
        child = undefined; // once
        return new Promise<void>((done) => {
          if (running === undefined) return done();
          running.on('exit', () => done());
          running.kill('SIGKILL');
        });
      };
      const server = await batchServer(batches, async (reached) => {
        if (reached === moment) await kill();
      });
      const argv =
        `openai --dataset ${dataset} --base-url ${server.url} --model gpt-4o --batch --num-users 4 ` +
        '--compare-with popularity --retries 0 --threshold 0';
      const run = (onStart?: (started: ChildProcess) => void) =>
        recsys(argv.split(' '), { cwd, env: { OPENAI_API_KEY: 'sk-test' }, ...(onStart && { onStart }) });
      const first = await run((started) => (child = started));
      expect(first.code).toBeNull(); // killed
      const second = await run();
      expect([second.code, second.stdout]).toEqual([0, expect.stringContaining('4 answered')]);
      const slices = batches.map(({ metadata }) => metadata.recsys_slice);
      expect(new Set(slices).size).toBe(slices.length);
      expect(batches).toHaveLength(1);
      expect(server.requests).toHaveLength(0); // nothing is asked directly
      await server.close();
    },
  );
});
