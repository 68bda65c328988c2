#!/usr/bin/env bash
# Packs recsys, installs the package in an empty folder, and runs what a user would run there. Needs the npm registry alone.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
server=
trap 'rm -rf "$folder"; [ -z "$server" ] || kill "$server"' EXIT
npm pack --ignore-scripts --silent --pack-destination "$folder" >/dev/null
cd "$folder"
echo '{"private": true}' >package.json
npm install --ignore-scripts --no-audit --no-fund ./recsys-*.tgz >install.log 2>&1
cat install.log
if grep -qi 'npm warn' install.log; then echo 'npm warns'; exit 1; fi
du -sm node_modules

npx recsys baseline --quiet
npx recsys explore --quiet
npx recsys finetune-gpt2 --init scratch --preset tiny --epochs 1 --num-users 3 --k 5 --context-length 128 --quiet
npx recsys fit popularity --by count --save models/popularity
node node_modules/recsys/dist/cli.js serve --port 0 >serve.log 2>&1 &
server=$!
for _ in $(seq 60); do grep -q 'http' serve.log && break; sleep 0.5; done
address=$(grep -o 'http://[^ ]*' serve.log | head -1)
curl --fail --silent "$address/models" | grep -q '"id":"popularity"'
kill -INT "$server" && wait "$server"
server=
node --input-type=module -e "import { modelNames } from 'recsys'; if (!modelNames.includes('mf')) process.exit(1)"
echo 'installed from the tarball: baseline, explore, finetune-gpt2, serve and the library work'
