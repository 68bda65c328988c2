/** Outcomes of jobs as files named by content, so that a search that was stopped, however it was, goes on. */
import { join } from 'node:path';
import { putAside, readTextFile, sha256, writeFileAtomic } from '../../util/files.ts';
import { jobKey, outcomeSchema, type Job, type Outcome } from './job.ts';

export class OutcomeStore {
  readonly #folder: string;
  readonly #note: (line: string) => void;

  /** `note` gets a sentence about a damaged file, which is put aside. */
  constructor(folder: string, note: (line: string) => void) {
    this.#folder = folder;
    this.#note = note;
  }

  async read(job: Job): Promise<Outcome | undefined> {
    const path = this.#pathOf(job);
    const text = await readTextFile(path, 'a result').catch(() => undefined);
    if (text === undefined) return undefined;
    const [digest, body] = [text.slice(0, 64), text.slice(65)];
    if (sha256(body) === digest) return outcomeSchema.parse(JSON.parse(body));
    this.#note(`${await putAside(path)}: the job runs again.`);
    return undefined;
  }

  async write(job: Job, outcome: Outcome): Promise<void> {
    const body = JSON.stringify(outcome);
    await writeFileAtomic(this.#pathOf(job), `${sha256(body)}\n${body}`);
  }

  #pathOf(job: Job): string {
    return join(this.#folder, `${jobKey(job)}.json`);
  }
}
