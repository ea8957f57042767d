#!/bin/bash
# Brings this host up to date, once a day, where a package repository can be reached.
#
# The image pins packages to its own release, so the newest release has to be asked for:
# https://docs.aws.amazon.com/linux/al2023/ug/deterministic-upgrades-usage.html
set -euo pipefail

stamp=$STATE_DIRECTORY/patched
if [[ -n $(find "$STATE_DIRECTORY" -path "$stamp" -mmin -1440) ]]; then exit 0; fi

newest=(dnf --quiet --assumeyes --releasever=latest --setopt=timeout=10 --setopt=retries=1)
if ! timeout --kill-after=10 120 "${newest[@]}" makecache >/dev/null 2>&1; then
    echo '<5>no package repository answers, so nothing is patched'
    exit 0
fi
# Before, not after: what fails or hangs is tried again tomorrow, not at each stop.
touch "$stamp"
timeout --kill-after=60 1200 "${newest[@]}" upgrade >/dev/null
