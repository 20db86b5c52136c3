#!/bin/sh
# Reads a log to its end and shows who was seen when: quickstart.sh LASTSEEN CONFIG [LOG]
# A configuration may name the log as ${LOG}; in one that does not, LOG replaces the path of the
# first input.
set -eu
lastseen=$1 config=$2 log=${3-}

if [ -n "$log" ]; then
  [ -r "$log" ] || { echo "make run: cannot read LOG=$log" >&2; exit 2; }
  export LOG="$log"
  if [ -r "$config" ] && ! grep -q '\${LOG[:}]' "$config"; then
    awk '/^inputs:/ { in_inputs = 1 }
         in_inputs && !done && sub(/path:[^,}#]*/, "path: \"${LOG}\"") { done = 1 }
         { print }' "$config" >build/run.yaml
    config=build/run.yaml
  fi
fi

"$lastseen" run --once -c "$config"
echo
"$lastseen" clients -c "$config"
