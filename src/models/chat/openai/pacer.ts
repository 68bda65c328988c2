/** When the next request may be sent: what the server's headers leave of its limits, and pauses that it asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ownSignal } from '../../../util/process/signals.ts';
import { readDuration } from './waits.ts';

/** Pauses shorter than this are not worth a line. */
const SHORTEST_NOTED_WAIT_SECONDS = 2;

export class Pacer {
  readonly #note: (line: string) => void;
  #pausedUntil = 0;
  readonly #tokens = new Allowance();
  readonly #requests = new Allowance();

  /** `note` gets a line for every pause of some length. */
  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  /** Nothing is sent for that long. */
  pause(seconds: number, reason: string): void {
    const until = performance.now() + 1000 * seconds;
    if (until <= this.#pausedUntil + 1) return; // the same pause, but for rounding
    if (seconds >= SHORTEST_NOTED_WAIT_SECONDS) this.#note(`waits ${Math.ceil(seconds)} s: ${reason}`);
    this.#pausedUntil = until;
  }

  /**
   * Waits until a request of `tokens` (input and the most output) fits what the last answers said of the limits.
   * Rejects with the signal's reason when it fires.
   */
  async wait(tokens: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      const until = Math.max(this.#pausedUntil, this.#limitUntil(tokens, now));
      if (until <= now) break;
      await sleep(until - now, undefined, { signal: ownSignal(signal) });
    }
    this.#tokens.take(tokens);
    this.#requests.take(1);
  }

  #limitUntil(tokens: number, now: number): number {
    const until = Math.max(this.#tokens.fitsFrom(tokens, now), this.#requests.fitsFrom(1, now));
    if (until > now) this.pause((until - now) / 1000, 'the limits per minute of this key are used up');
    return until;
  }

  /** Reads `x-ratelimit-*`, where the server sends them. */
  read(headers: Headers): void {
    this.#tokens.read(headers, 'tokens');
    this.#requests.read(headers, 'requests');
  }
}

/** The longest that headers alone can hold a request back, in seconds: limits are per minute. */
const MAX_RESET_SECONDS = 60;

/** What is left of one limit per minute. Times are milliseconds of `performance.now()`. */
class Allowance {
  #limit = Infinity;
  #remaining = Infinity;
  #readAt = 0;
  #resetAt = 0;

  /** The time from which `amount` fits: limits refill steadily, and are whole again at their reset. */
  fitsFrom(amount: number, now: number): number {
    if (this.#resetAt <= now) {
      this.#remaining = this.#limit;
      this.#readAt = now;
      this.#resetAt = now + 1000 * MAX_RESET_SECONDS;
    }
    const missing = Math.min(amount, this.#limit) - this.#remaining;
    if (!(missing > 0)) return now;
    if (!Number.isFinite(this.#limit)) return this.#resetAt;
    return Math.min(this.#resetAt, this.#readAt + (60_000 * missing) / this.#limit);
  }

  take(amount: number): void {
    this.#remaining -= amount;
  }

  read(headers: Headers, unit: 'tokens' | 'requests'): void {
    const remaining = readNumber(headers.get(`x-ratelimit-remaining-${unit}`));
    if (remaining === undefined) return;
    this.#limit = readNumber(headers.get(`x-ratelimit-limit-${unit}`)) ?? this.#limit;
    this.#remaining = remaining;
    this.#readAt = performance.now();
    const reset = headers.get(`x-ratelimit-reset-${unit}`);
    const seconds = readDuration(reset ?? '') ?? readNumber(reset) ?? 0;
    this.#resetAt = this.#readAt + 1000 * Math.min(seconds, MAX_RESET_SECONDS);
  }
}

function readNumber(text: string | null): number | undefined {
  return text !== null && /^\d+(?:\.\d+)?$/u.test(text.trim()) ? Number(text) : undefined;
}
