#!/bin/sh
# Writes what the operator's program is made of, as CycloneDX: every crate that goes into it, with version, digest and
# licence. Of the same commit comes the same file.
#
#   hack/sbom.sh CARGO-CYCLONEDX FILE
set -eu
tool=$1 file=$PWD/$2
cd "$(dirname "$0")/.."
# The tool writes beside the manifest of each member of the workspace, so it gets a copy.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git archive HEAD Cargo.toml Cargo.lock rust-toolchain.toml crates xtask | tar -x -C "$copy"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
(cd "$copy" && "$tool" cyclonedx --quiet --manifest-path crates/operator/Cargo.toml --format json --spec-version 1.5 \
  --no-build-deps --target "${TARGET:-$(rustc -vV | sed -n 's/^host: //p')}" --override-filename bom)
# Nobody else has the folder of the copy.
sed "s|$copy|.|g" "$copy/crates/operator/bom.json" > "$file"
