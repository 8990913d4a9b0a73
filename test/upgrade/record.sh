#!/bin/sh
# Records a released version for the tests in this folder: record.sh CHECKOUT NAME, where CHECKOUT is that version with `npm ci` run in it.
# Makes golden/NAME: state.tar.gz (the directories of a CCM and an agent), the frames of another session, and what proves them.
set -eu

checkout=$1
golden=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/golden/$2
work=$(mktemp -d)
trap 'kill "$ccm" "$agent" 2>/dev/null || true; rm -rf "$work"' EXIT
export TREECAST_CONTEXT="$work/context.json" TREECAST_API=http://127.0.0.1:17170
ccm=0 agent=0

cat > "$work/record.mjs" <<'JS'
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const WebSocket = createRequire(`${process.env.CHECKOUT}/package.json`)('ws');
const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (data, ...rest) {
  appendFileSync(process.env.FRAMES, `${Buffer.from(data).toString('utf8')}\n`);
  return send.call(this, data, ...rest);
};
JS

cat > "$work/twins.mjs" <<'JS'
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { definePlugin, z } from 'treecast/plugin';
export default definePlugin({
  name: 'twins',
  summary: 'writes a twin of each page',
  places: ['agent'],
  configSchema: z.strictObject({}),
  setup: () => ({
    hooks: {
      async beforeSwitch({ to, writeTwin }) {
        for (let page = 1; page <= 70; page += 1) {
          const name = `p${page}.html`;
          if (existsSync(join(to.directory, name))) await writeTwin(name, '.gz', Buffer.from(`twin of ${to.release}`));
        }
      },
    },
  }),
});
JS

# session DIRECTORY EXTRA: a CCM, an agent with a plugin that writes twins, three publishes (EXTRA bytes of noise in the second), a rollback,
# a verification. 70 pages are changed, so that their paths are kept in the node's inbox.
session() {
  d=$1
  mkdir "$d"
  "$checkout/bin/treecast" ccm init --dir "$d/ccm" --json | sed 's/.*"token":"\([^"]*\)".*/\1/' > "$d/token"
  printf 'listen: 127.0.0.1:17170\nagentListen: 127.0.0.1:17443\ncertificateDays: 3650\n' > "$d/ccm/ccm.yaml"
  TREECAST_TOKEN=$(cat "$d/token")
  export TREECAST_TOKEN
  recorded="--import $work/record.mjs"
  CHECKOUT=$checkout FRAMES="$d/ccm-frames.jsonl" NODE_OPTIONS=$recorded \
    "$checkout/bin/treecast" ccm run --dir "$d/ccm" > /dev/null 2>&1 & ccm=$!
  until curl -sf "$TREECAST_API/readyz" > /dev/null; do sleep 0.2; done
  treecast() { "$checkout/bin/treecast" "$@"; }
  treecast site add docs > /dev/null
  treecast node join-token | tail -1 > "$d/join-token"
  treecast agent join "$(cat "$d/join-token")" --dir "$d/agent" --name web1 > /dev/null
  cp "$work/twins.mjs" "$d/agent"
  printf 'plugins: [{ use: ./twins.mjs, config: {} }]\n' >> "$d/agent/agent.yaml"
  CHECKOUT=$checkout FRAMES="$d/agent-frames.jsonl" NODE_OPTIONS=$recorded \
    "$checkout/bin/treecast" agent run --dir "$d/agent" > /dev/null 2>&1 & agent=$!
  until treecast node list --json | grep -q '"connected":true'; do sleep 0.2; done
  git init -q -b main "$d/work"
  cd "$d/work"
  publish() {
    git add -A
    git -c user.name=A -c user.email=a@example.org commit -qm "$1"
    git push -q "http://a:$TREECAST_TOKEN@127.0.0.1:17170/git/docs.git" main
  }
  for page in $(seq 70); do echo "page $page" > "p$page.html"; done
  echo one > index.html; mkdir css; echo 'b{}' > css/a.css; ln -s index.html home.html; publish one
  echo two > index.html; head -c "$2" /dev/urandom > noise.bin; publish two
  for page in $(seq 70); do echo more >> "p$page.html"; done
  git rm -q css/a.css; echo three >> index.html; publish three
  treecast rollback docs > /dev/null
  treecast verify docs
  kill "$agent"; wait "$agent" || true
  kill "$ccm"; wait "$ccm" || true
  cd /
}

mkdir -p "$golden"
session "$work/state" 10
session "$work/frames" 90000
rm -f "$work"/state/ccm/lock* "$work"/state/agent/lock* "$work"/state/ccm/repositories/*/hooks/*.sample
tar -C "$work/state" --owner=0 --group=0 --numeric-owner --sort=name -cf - ccm agent token | gzip -9n > "$golden/state.tar.gz"
cp "$work/frames/agent-frames.jsonl" "$work/frames/ccm-frames.jsonl" "$work/frames/join-token" "$golden"
sed -n 's/.*"certificate": "\(.*\)",$/\1/p' "$work/frames/agent/identity/node.json" | sed 's/\\n/\n/g' > "$golden/node-certificate.pem"
