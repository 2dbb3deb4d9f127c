#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# As test/clients/c/writer.c, by a process of the mariadb client for each row:
#
#   writer.sh HOST NUMBER [MILLISECONDS]
#
# The moments are those of /proc/uptime, in steps of 10 ms: the end of the step, so that nothing seems
# to be told before it was done.
now() {
	read -r up _ </proc/uptime
	moment=$((10#${up/./} + 1))0000000
}

n=0
pause=$(printf '0.%03d' "${3:-200}")
while read -r -t "$pause" _; [ $? -gt 128 ]; do
	n=$((n + 1))
	text=$(timeout 20 mariadb -h "$1" -uapp -papp app -e \
		"INSERT INTO journal (writer, n) VALUES ($2, $n)" 2>&1)
	status=$?
	now
	if [ $status = 0 ]; then
		echo "$moment ok $n"
	else
		echo "$moment error $n $status $text"
	fi
done
