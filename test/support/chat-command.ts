/** `recsys openai` as a child process against a chat server on loopback, with a small data set and a folder of its own. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { languageRecordSchema, type LanguageRecord } from '../../src/experiment/record.ts';
import { chatServer, type Behaviour, type ChatServer } from './chat-server.ts';
import { recsys, smallFolder, type Finished } from './cli.ts';

export interface ChatCommand {
  dataset: string;
  /** The folder that the program runs in; a test may set another. */
  cwd: string;
  server: ChatServer;
  openai(...more: string[]): Promise<Finished>;
  /** The path of the record that `openai` writes. */
  recordPath(): string;
  record(): Promise<LanguageRecord>;
}

/** Data of 60 users and movies; `common` are options of every run. The caller closes the server. */
export async function chatCommand(
  behaviour: Behaviour,
  common: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<ChatCommand> {
  const [dataset, cwd, server] = await Promise.all([
    smallFolder(60, 60),
    mkdtemp(join(tmpdir(), 'recsys-openai-')),
    chatServer(behaviour),
  ]);
  const base = ['openai', '--dataset', dataset, '--base-url', server.url, ...common];
  const command: ChatCommand = {
    dataset,
    cwd,
    server,
    openai: (...more) => recsys([...base, ...more], { cwd: command.cwd, env }),
    recordPath: () => join(command.cwd, 'results/openai_recommendations.json'),
    record: async () => languageRecordSchema.parse(JSON.parse(await readFile(command.recordPath(), 'utf8'))),
  };
  return command;
}
