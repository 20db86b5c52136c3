#!/usr/bin/env bash
# seen.sh PLACE CLIENT_ID: tells lastseen that a client was here. PLACE is a fifo (nothing else is
# needed) or a datagram socket (needs socat).
set -euo pipefail
place=$1 client=$2
client=${client//\\/\\\\}
line="{\"client_id\":\"${client//\"/\\\"}\",\"ts\":$(date +%s.%3N)}"
if [ -p "$place" ]; then
  # Opened for both ways, so that it does not wait for a reader that is not there.
  printf '%s\n' "$line" 1<>"$place"
else
  printf '%s' "$line" | socat -u - "UNIX-SENDTO:$place"
fi
