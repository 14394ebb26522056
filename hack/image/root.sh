#!/bin/sh
# Puts together the root of the image: the program, the libraries that it is linked with, what says which
# certificates and names hold, and nothing else. No shell, no package manager.
#
#   hack/image/root.sh PROGRAM DEBIAN CERTIFICATES OUT
#
# DEBIAN is the root of a Debian system of the program's architecture, CERTIFICATES a bundle of
# authorities, OUT a folder that does not exist.
set -eu
program=$1 debian=$2 certificates=$3 out=$4

fail() { echo "root.sh: $*" >&2; exit 1; }
[ ! -e "$out" ] || fail "$out exists"
[ -s "$certificates" ] || fail "no certificates in $certificates"
umask 022
mkdir -p "$out/etc/ssl/certs" "$out/home/nonroot" "$out/usr/share/doc" "$out/var/lib/dpkg/status.d"

# Of a file NAME, where Debian has it; both /lib and /usr/lib are the same there, or were.
find_library() {
  for folder in "$debian"/lib/*-linux-gnu "$debian"/usr/lib/*-linux-gnu; do
    if [ -e "$folder/$1" ]; then echo "$folder"; return; fi
  done
  fail "$(basename "$program") is linked with $1, which Debian's own packages libc6 and libgcc-s1 do not have"
}

# The loader goes where the program asks for it, and libraries where the loader looks first.
loader=$(readelf --program-headers --wide "$program" | sed -n 's/.*program interpreter: \(.*\)]$/\1/p')
[ -n "$loader" ] || fail "$program is no program, or asks for no loader"
mkdir -p "$out$(dirname "$loader")" "$out/lib"
folder=$(find_library "$(basename "$loader")")
cp --dereference "$folder/$(basename "$loader")" "$out$loader"
wanted=$(readelf --dynamic --wide "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p')
for library in $wanted; do
  case $library in
    libc.so.6 | libm.so.6 | libgcc_s.so.1) ;;
    ld-linux*) continue ;;
    *) fail "$(basename "$program") is linked with $library, which the image is not to need" ;;
  esac
  folder=$(find_library "$library")
  triplet=$(basename "$folder")
  mkdir -p "$out/lib/$triplet"
  cp --dereference "$folder/$library" "$out/lib/$triplet/$library"
done

# Scanners look here for what is installed, as in every image without a package manager.
for package in libc6 libgcc-s1; do
  status=$out/var/lib/dpkg/status.d/$package
  awk -v RS= -v ORS='\n' -v name="Package: $package" '{ split($0, line, "\n") } line[1] == name' \
    "$debian/var/lib/dpkg/status" > "$status"
  [ -s "$status" ] || fail "$debian does not have the package $package"
  mkdir -p "$out/usr/share/doc/$package"
  cp --dereference "$debian/usr/share/doc/$package/copyright" "$out/usr/share/doc/$package/"
done
cp --dereference "$debian/etc/os-release" "$out/etc/os-release"

cp "$certificates" "$out/etc/ssl/certs/ca-certificates.crt"
# Without it glibc asks DNS before it looks into /etc/hosts.
echo 'hosts: files dns' > "$out/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' > "$out/etc/passwd"
echo 'nonroot:x:65532:' > "$out/etc/group"
cp "$program" "$out/mcp-gateway-operator"
chmod 0755 "$out/mcp-gateway-operator"
