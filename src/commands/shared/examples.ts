/** Examples of each command, at least two, as `--help` shows them and a test parses them. */

type Example = readonly [typed: string, meaning: string];

export const examples: Record<string, readonly Example[]> = {
  baseline: [
    ['recsys baseline', 'four models on the embedded data'],
    ['recsys baseline --models mf,ease --k 5,10,20', 'others, at three cut-offs'],
  ],
  popularity: [
    ['recsys popularity --by count', 'the most rated movies'],
    ['recsys popularity --by damped --k 20', 'the best rated, few ratings counting less'],
  ],
  mf: [
    ['recsys mf --factors 32', 'implicit ALS with fewer factors'],
    ['recsys mf --solver sgd --seed 1', 'stars by gradient descent'],
  ],
  fm: [
    ['recsys fm', 'with genres and decades'],
    ['recsys fm --solver bpr --json', 'ranking loss; the record on standard output'],
  ],
  ease: [
    ['recsys ease', 'the closed form'],
    ['recsys ease --regularization 300 --max-items 2000', 'of the most rated movies'],
  ],
  compare: [
    ['recsys compare', 'all records in results/'],
    ['recsys compare results/baseline_metrics.json results/gpt2_items.json', 'two of them'],
  ],
  'data list': [
    ['recsys data list', 'what can be had, and what is here'],
    ['recsys data list --json', 'for programs'],
  ],
  'data download': [
    ['recsys data download ml-latest-small', 'the small release of today'],
    ['recsys data download ml-32m', '32 million ratings'],
  ],
  'data verify': [
    ['recsys data verify ml-latest-small-2016', 'are the files those of the release?'],
    ['recsys data verify ml-1m', 'of a downloaded one'],
  ],
  'data stats': [
    ['recsys data stats ml-latest-small-2016', 'of the embedded data'],
    ['recsys data stats my-ratings.csv', 'of a file of your own'],
  ],
  evaluate: [
    ['recsys evaluate --recommendations lists.csv', 'lists of any tool on the embedded data'],
    [
      'recsys evaluate --recommendations lists.csv --train train.csv --test test.csv',
      'on a split of your own',
    ],
  ],
  explore: [
    ['recsys explore', 'results/exploration.html'],
    ['recsys explore --dataset ml-1m', 'of another release'],
  ],
  'finetune-gpt2': [
    ['recsys finetune-gpt2 --init scratch --preset tiny --epochs 1 --num-users 20', 'without a network'],
    ['recsys finetune-gpt2 --resume', 'goes on where it was stopped'],
  ],
  'fit popularity': [
    ['recsys fit popularity --by count --save models/popularity', 'the most rated movies'],
    ['recsys fit popularity --save models/popularity --dataset ml-1m', 'of another release'],
  ],
  'fit mf': [
    ['recsys fit mf --save models/mf', 'on all ratings, for use'],
    ['recsys fit mf --save models/mf --split per-user-random', 'on the training part, for experiments'],
  ],
  'fit fm': [
    ['recsys fit fm --save models/fm', 'on all ratings, for use'],
    ['recsys fit fm --save models/fm --factors 32', 'with fewer factors'],
  ],
  'fit ease': [
    ['recsys fit ease --save models/ease', 'on all ratings, for use'],
    ['recsys fit ease --save models/ease --max-items 2000', 'of the most rated movies'],
  ],
  'fit gpt2': [
    ['recsys fit gpt2 --tokens items --save models/gpt2', 'a token per movie, from the factors of ALS'],
    ['recsys fit gpt2 --init scratch --preset mini --save models/text', 'titles as text, without a network'],
  ],
  openai: [
    ['recsys openai --num-users 5 --dry-run', 'tokens and cost; nothing is sent'],
    ['recsys openai --base-url http://localhost:11434/v1 --model llama3.1', 'a model on this machine'],
  ],
  probe: [
    ['recsys probe --dry-run', 'tokens and cost; nothing is sent'],
    ['recsys probe --base-url http://localhost:11434/v1 --model llama3.1', 'a model on this machine'],
  ],
  recommend: [
    ['recsys recommend --model models/mf --user 425', 'for a user of the data'],
    ['recsys recommend --model models/mf --like "Heat (1995)" --genre Crime', 'for you'],
  ],
  reproduce: [
    ['recsys reproduce results/baseline_metrics.json', 'runs it again and compares every number'],
    ['recsys reproduce results/baseline_metrics.json --threads 1', 'with one thread'],
  ],
  run: [
    ['recsys run plan.yaml', 'what the file describes'],
    ['recsys run plan.yaml --threads 1', 'with one thread'],
  ],
  runs: [
    ['recsys runs --sort f1', 'best F1 first'],
    ['recsys runs --where model=mf --diff', 'what differs between runs of MF'],
  ],
  'tune mf': [
    ['recsys tune mf --trials 20', 'twenty settings, scored on validation ratings'],
    ['recsys tune mf --trials 20 --workers 2', 'two at once'],
  ],
  'tune fm': [
    ['recsys tune fm --trials 20', 'twenty settings, scored on validation ratings'],
    ['recsys tune fm --trials 20 --workers 2', 'two at once'],
  ],
  'tune ease': [
    ['recsys tune ease --trials 20', 'twenty settings, scored on validation ratings'],
    ['recsys tune ease --trials 20 --workers 2', 'two at once'],
  ],
  'tune gpt2': [
    ['recsys tune gpt2 --trials 20', 'twenty settings, scored on validation ratings'],
    ['recsys tune gpt2 --trials 20 --workers 2', 'two at once'],
  ],
  serve: [
    ['recsys serve', 'http://127.0.0.1:8377 with the models of models/'],
    ['recsys serve --models models,other --port 0', 'more models, any port that is free'],
  ],
  completion: [
    ['recsys completion bash', 'add to ~/.bashrc: source <(recsys completion bash)'],
    ['recsys completion fish', '> ~/.config/fish/completions/recsys.fish'],
  ],
};

/** The part of a help text; empty for a command without examples. */
export function exampleHelp(command: string): string {
  const own = examples[command] ?? [];
  if (own.length === 0) return '';
  return `\nExamples:\n${own.map(([typed, meaning]) => `  # ${meaning}\n  ${typed}\n`).join('')}`;
}
