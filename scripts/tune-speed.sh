#!/usr/bin/env bash
# Trials per minute of `recsys tune mf --trials 50` with one worker and with two, a thread each. Build first, and leave the machine
# alone: bash scripts/tune-speed.sh [TRIALS]
set -euo pipefail
cd "$(dirname "$0")/.."
for workers in 1 2; do
  results=$(mktemp -d)
  echo "$workers of one thread: $(node dist/cli.js tune mf --trials "${1:-50}" --workers "$workers" --threads "$workers" \
    --results-dir "$results" --quiet | tail -n 1)"
  rm -r "$results"
done
