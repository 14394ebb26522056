# shellcheck shell=sh
# Clears up after a process that may end in any way: killed, aborted, by exit() without destructors.
# Usage: janitor TEMP LOGS, with a pipe on standard input whose other end that process holds.
#
# The process says on the pipe what it does, a word a line, and the pipe's end says that it is gone:
#   begin, end   something is in use whose logs matter; no longer
#   failed       something failed: keep the logs
temp=$1 logs=$2
# A test may have set a PATH without rm and sleep.
PATH=$PATH:/usr/bin:/bin
in_use=0 failed=
while read -r word; do
	case $word in
	begin) in_use=$((in_use + 1)) ;;
	end) in_use=$((in_use - 1)) ;;
	failed) failed=yes ;;
	esac
done

# Something still in use means that the process ended half-way: its logs will be asked for.
if [ -z "$failed" ] && [ "$in_use" -eq 0 ]; then
	rm -rf -- "$logs"
fi
# The children of that process are being killed at this moment and may still be writing.
tries=0
until rm -rf -- "$temp" || [ "$tries" -ge 50 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
