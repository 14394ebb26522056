#!/bin/sh
# Builds the operator as it goes into the image. Of the same sources, toolchain and C compiler come the
# same bytes, wherever the folders are.
#
#   hack/image/build.sh [TRIPLE]    for another machine: x86_64- or aarch64-unknown-linux-gnu
set -eu
cd "$(dirname "$0")/../.."

# Rust names sources in panics, C in errors. None of these folders may stand in the program.
export REMAP_SOURCES="$PWD" REMAP_TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
export REMAP_CARGO="${CARGO_HOME:-$HOME/.cargo}"
REMAP_RUST=$(rustc --print sysroot)
export REMAP_RUST
export RUSTC_WRAPPER="$PWD/hack/image/rustc.sh"
export CFLAGS="-ffile-prefix-map=$REMAP_SOURCES=/src -ffile-prefix-map=$REMAP_TARGET=/target -ffile-prefix-map=$REMAP_CARGO=/cargo"
export CARGO_INCREMENTAL=0

host=$(rustc -vV | sed -n 's/^host: //p')
triple=${1:-$host}
case $triple in
  "$host") ;;
  x86_64-unknown-linux-gnu) export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc ;;
  aarch64-unknown-linux-gnu) export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc ;;
  *) echo "no image is made for $triple" >&2; exit 2 ;;
esac
cargo build --locked --release --package operator --bin mcp-gateway-operator --target "$triple"
