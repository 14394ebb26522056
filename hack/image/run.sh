#!/bin/sh
# Runs the program of a root that root.sh has put together, as a node would that starts the image: it sees
# that root, read-only, and what a runtime mounts there, as user 65532 without any privilege. Needs root.
#
#   IMAGE_ROOT=DIR ACCOUNT=DIR [IMAGE_USER=UID:GID] hack/image/run.sh [ARGUMENT...]
#
# ACCOUNT is what a pod finds in /var/run/secrets/kubernetes.io/serviceaccount. IMAGE_USER is another user, as
# clusters give one of their own to each namespace.
set -eu
exec unshare --mount --propagation private -- /bin/sh -euc '
  account=$IMAGE_ROOT/var/run/secrets/kubernetes.io/serviceaccount
  mkdir -p "$IMAGE_ROOT/proc" "$account"
  touch "$IMAGE_ROOT/etc/hosts" "$IMAGE_ROOT/etc/resolv.conf"
  mount --bind "$IMAGE_ROOT" "$IMAGE_ROOT"
  mount -t proc proc "$IMAGE_ROOT/proc"
  mount --bind "$ACCOUNT" "$account"
  mount --bind /etc/hosts "$IMAGE_ROOT/etc/hosts"
  mount --bind /etc/resolv.conf "$IMAGE_ROOT/etc/resolv.conf"
  mount -o remount,bind,ro "$IMAGE_ROOT"
  exec setpriv --no-new-privs chroot --userspec="${IMAGE_USER:-65532:65532}" --groups= "$IMAGE_ROOT" /mcp-gateway-operator "$@"
' run "$@"
