// The text of the pre-receive hook: sh alone. Descriptor 3 is a socket that only the CCM process which started this push holds the
// other end of; no path, no port, nothing to find or to forge. Whatever goes wrong (no descriptor, CCM dead, no verdict), it refuses.
//
// It writes its quarantine directories and the ref updates as lines, an empty line last; it reads a verdict line (`accept` or `refuse`),
// then lines for the pusher until the socket's end or an empty line.

export const preReceiveHook = `#!/bin/sh
# Written by Treecast; changes are overwritten.
refuse() {
  echo "treecast: push refused: $1" >&2
  exit 1
}
trap '' PIPE
[ "$TREECAST_PUSH" = 1 ] || refuse "this repository takes pushes only over HTTP, from its content control manager."
{
  printf '%s\\n' "$GIT_OBJECT_DIRECTORY" "$GIT_ALTERNATE_OBJECT_DIRECTORIES"
  while read -r before after ref; do printf '%s %s %s\\n' "$before" "$after" "$ref"; done
  echo
} >&3 2>/dev/null || refuse "the content control manager went away. Push again."
read -r verdict <&3 || refuse "the content control manager went away. Push again."
while IFS= read -r line <&3 && [ -n "$line" ]; do printf '%s\\n' "$line" >&2; done
[ "$verdict" = accept ]
`;
