// What is run on the other server: POSIX shell with GNU or busybox tools, sent on standard input, so that nothing of it is quoted. The
// arguments are plain words (root, site, release, tree id). Each script is one function: one that arrives in part does nothing.

import { remoteExit } from './explain-failure.ts';

const { noRoot, notWritable, occupied } = remoteExit;

function script(body: string): string {
  return `set -eu
umask 022
main() {
root=$1
site=\${2-}
release=\${3-}
tree=\${4-}
home=$root/$site
test -d "$root" || exit ${noRoot}
${body.trim()}
}
main "$@"
`;
}

/** Changes nothing. */
export const reachScript = script(`
if test -e "$home"; then test -w "$home"; else test -w "$root"; fi || exit ${notWritable}
`);

/** Whether a site can be kept there; makes its directories. */
export const readyScript = script(`
mkdir -p "$home/trees" "$home/ids" || exit ${notWritable}
test -w "$home/trees" || exit ${notWritable}
`);

/**
 * Prints `live <target>`, then `complete` or `missing`. For a release that is missing it makes room: its unfinished directory, kept from an
 * earlier try with the same tree.
 */
export const beginScript = script(`
mkdir -p "$home/trees" "$home/ids" || exit ${notWritable}
test -w "$home/trees" || exit ${notWritable}
live=$(readlink "$home/live" || :)
printf 'live %s\\n' "$live"
if test -d "$home/trees/$release" && test "$(cat "$home/ids/$release" 2>/dev/null || :)" = "$tree"; then
  echo complete
  return 0
fi
part=$release.$tree.part
if test -e "$home/trees/$release"; then
  if test "$live" = "trees/$release"; then exit ${occupied}; fi
  rm -f "$home/ids/$release"
  rm -rf "$home/trees/gone.$release"
  mv -T "$home/trees/$release" "$home/trees/gone.$release"
fi
mkdir -p "$home/trees/$part" || exit ${notWritable}
for other in "$home/trees/$release".*.part; do
  if test "\${other##*/}" != "$part"; then rm -rf "$other"; fi
done
rm -rf "$home"/trees/gone.*
if test -n "$live" && test -d "$home/$live"; then echo base; fi
echo missing
`);

/** What was sent and compared gets its name; durable before the name is known. */
export const finishScript = script(`
sync -f "$home/trees" 2>/dev/null || sync
mv -T "$home/trees/$release.$tree.part" "$home/trees/$release"
printf '%s\\n' "$tree" > "$home/ids/.new"
mv -T "$home/ids/.new" "$home/ids/$release"
sync -f "$home/ids" 2>/dev/null || sync
`);

/**
 * Moves the link in one step and prints what it names then: `live <target>`; or `missing`, when the tree is not there. With `again` as last
 * argument a tree that is there under another release's name, and not live, takes the name: after a rollback it counts as a new release.
 */
export const switchScript = script(`
isThere() {
  test -d "$home/trees/$release" && test "$(cat "$home/ids/$release" 2>/dev/null || :)" = "$tree"
}
if test "\${5-}" = again && ! test -e "$home/trees/$release"; then
  live=$(readlink "$home/live" || :)
  for id in "$home"/ids/*; do
    name=\${id##*/}
    if test -f "$id" && test "$(cat "$id")" = "$tree" && test "trees/$name" != "$live" && test -d "$home/trees/$name"; then
      rm -f "$id"
      mv -T "$home/trees/$name" "$home/trees/$release"
      printf '%s\\n' "$tree" > "$home/ids/.new"
      mv -T "$home/ids/.new" "$home/ids/$release"
      break
    fi
  done
fi
if ! isThere; then
  echo missing
  return 0
fi
touch "$home/ids/$release"
if test "$(readlink "$home/live" || :)" != "trees/$release"; then
  rm -f "$home/.live.new"
  ln -s "trees/$release" "$home/.live.new"
  mv -T "$home/.live.new" "$home/live"
  sync -f "$home" 2>/dev/null || sync
fi
printf 'live %s\\n' "$(readlink "$home/live")"
`);

/** Keeps the live tree, the one before it (argument 3), and the newest up to a number (argument 4). */
export const pruneScript = script(`
live=$(readlink "$home/live" || :)
kept=0
for name in $(ls -1t "$home/ids"); do
  case $name in *[!A-Za-z0-9._-]*) continue ;; esac
  kept=$((kept + 1))
  if test "$kept" -le "$tree" || test "trees/$name" = "$live" || test "$name" = "$release"; then continue; fi
  rm -f "$home/ids/$name"
  rm -rf "$home/trees/gone.$name"
  if test -e "$home/trees/$name"; then mv -T "$home/trees/$name" "$home/trees/gone.$name"; fi
done
rm -rf "$home"/trees/gone.* "$home"/trees/*.part
`);

export const abandonScript = script(`
test -d "$home/trees" || return 0
rm -rf "$home/trees/$release".*.part
if test "$(readlink "$home/live" || :)" = "trees/$release"; then return 0; fi
rm -f "$home/ids/$release"
rm -rf "$home/trees/$release"
`);

export const removeScript = script(`
test -e "$home" || return 0
rm -rf "$root/.gone.$site"
mv -T "$home" "$root/.gone.$site"
rm -rf "$root/.gone.$site"
`);
