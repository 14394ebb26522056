#!/bin/sh
# The compiler, for RUSTC_WRAPPER: what is compiled names its sources not by where they happen to be. Not by
# RUSTFLAGS, which Cargo hashes into the names of crates: then the folders would make a difference after all.
set -eu
exec "$@" --remap-path-prefix="$REMAP_SOURCES=/src" --remap-path-prefix="$REMAP_TARGET=/target" \
  --remap-path-prefix="$REMAP_CARGO=/cargo" --remap-path-prefix="$REMAP_RUST=/rust"
