#!/bin/bash
# Stops this host when no session has moved bytes for ADIT_IDLE_MINUTES, and starts an agent again that
# was refused. Runs each minute.
#
# Whatever fails here, the host keeps running: the journal hears of it once per boot, and the idle
# time is counted anew.
set -euo pipefail

# The agent needs a while after a boot: when its first call fails, it sleeps for five minutes; and when it
# is refused, as its role is too new, for half an hour, so it is started again in that time.
settle=600
# What the worker of an idle session receives in a minute: the answers to its pings, at most 40 bytes
# each 54 seconds, and as much again should the service ping too. The shortest message of a client
# makes 155 bytes on the wire, and is answered or acknowledged.
quiet=160
# The first 15 characters of ssm-session-worker are all that the kernel keeps of a name.
name=ssm-session-wor

proc=${ADIT_PROC:-/proc}
uptime=$proc/uptime
state=$RUNTIME_DIRECTORY
seen=$state/seen

exec 2>"$state/errors"
finish() {
    local status=$? errors
    if ((status == 0)); then return; fi
    rm -f "$seen"
    if [[ ! -e $state/failed ]]; then
        errors=$(<"$state/errors")
        echo "<3>this host keeps running, whether it is idle or not: ${errors//$'\n'/; }"
        touch "$state/failed"
    fi
    exit 0
}
trap finish EXIT

fail() {
    echo "$1" >&2
    return 1
}

# Compares what each worker has received with the last look. Sets `now` and `busy`, the time when a
# session was last seen to move bytes, both in seconds since the boot.
#
# Bytes received count, not sent: a worker whose client is gone sends its last message again, once
# a second. And those of sockets, not of the process: the agent's own timers move more through
# /proc/PID/io than a short query.
look() {
    local before=0 noise sockets found='' key value here there rest worker socket received
    local -A known=()
    read -r now _ <"$uptime"
    now=${now%.*}
    busy=$now
    if [[ -e $seen ]]; then
        {
            read -r before busy || true
            while read -r key value; do known[$key]=$value; done
        } <"$seen"
        [[ $before && $busy ]] || fail 'what was seen last is not as it was written'
    fi
    noise=$((now - before < 60 ? quiet : quiet * (now - before) / 60))

    sockets=$(ss --tcp --info --processes --numeric --no-header --oneline state established)
    if [[ -n $sockets && $sockets != *'users:(('* ]]; then
        fail 'ss does not tell whose the sockets are'
    fi
    while read -r _ _ here there rest; do
        if ! [[ $rest =~ \"$name\",pid=([0-9]+) ]]; then continue; fi
        # The instance's metadata is asked for credentials now and then.
        if [[ $there == 169.254.169.254:* ]]; then continue; fi
        worker=${BASH_REMATCH[1]}
        # Where TCP's own figures are missing, nothing would ever seem to move.
        [[ $rest == *' rto:'* ]] || fail 'ss does not tell what the sockets have received'
        received=0
        if [[ $rest =~ bytes_received:([0-9]+) ]]; then received=${BASH_REMATCH[1]}; fi
        # The service replaces a websocket each hour; what is new on a known worker is no traffic.
        socket=$worker/$here/$there
        if [[ ! -v known[$worker] ]] || ((received - ${known[$socket]:-$received} > noise)); then
            busy=$now
        fi
        found+="$worker -"$'\n'"$socket $received"$'\n'
    done <<<"$sockets"
    printf '%s %s\n%s' "$now" "$busy" "$found" >"$seen.new"
    mv "$seen.new" "$seen"
}

# An agent that may do its work has begun a worker; one that waits for its role has none. Who has a
# session has an agent that works, whatever else is missing: that one is left alone.
rouse() {
    if ((now >= settle)) || grep -qsx -e ssm-agent-worke -e "$name" "$proc"/[0-9]*/comm; then
        return
    fi
    systemctl restart --no-block amazon-ssm-agent.service || true
}

is_idle() { ((now >= settle && now - busy >= ADIT_IDLE_MINUTES * 60)); }

look
rouse
if is_idle && [[ $ADIT_PATCH == yes ]]; then
    # It is bounded in time, and its failures are none of ours: an idle host is stopped.
    systemctl start adit-patch.service || true
    look
    if ! is_idle; then echo '<5>a session has begun meanwhile, so this host keeps running'; fi
fi
if is_idle; then
    echo "<5>no session has moved bytes for $ADIT_IDLE_MINUTES min, so this host is stopped"
    systemctl poweroff
fi
