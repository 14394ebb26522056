# shellcheck shell=sh
# Runs a program that dies with its parent, however the parent dies.
# Usage: leash PROGRAM [ARGS], with a pipe on standard input whose other end the parent holds.
#
# A watcher in the background waits for the pipe's end and then kills its own process group: the
# program, which takes this shell's place (so its process ID is the one that the parent knows),
# and whatever the program has started. The watcher's being in the group keeps the number from
# being given to anybody else.
exec 3<&0 </dev/null
{
	read -r _ <&3
	kill -s KILL 0
} >/dev/null 2>&1 &
exec 3<&-
exec "$@"
