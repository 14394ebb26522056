#!/bin/sh
# Builds the program of the image twice, from a clean export of HEAD, in two folders and with two target
# folders, and compares the bytes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -z "$(git -C "$root" status --porcelain)" ] || echo "note: it is HEAD that is built, without what is not committed" >&2
digest() {
  mkdir -p "$work/$1"
  git -C "$root" archive HEAD | tar -x -C "$work/$1"
  CARGO_TARGET_DIR="$work/$1-target" "$work/$1/hack/image/build.sh" >&2
  found=$(find "$work/$1-target" -path '*/release/mcp-gateway-operator' -type f)
  # What it was built from is not needed any more, and it is large.
  mv "$found" "$work/$1-program"
  rm -rf "$work/$1-target"
  sha256sum < "$work/$1-program" | cut -d ' ' -f 1
}
first=$(digest here)
second=$(digest some/where/else)
echo "first:  $first"
echo "second: $second"
[ "$first" = "$second" ] || { echo "the builds differ" >&2; exit 1; }
