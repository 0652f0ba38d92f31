# The main process of a side: sh GATE/launch SIDE OTHER first|second|alone apart|shared held|free, command in
# DUET_COMMAND, what is done before the gate in DUET_SETUP.
# POSIX sh, builtins only: the image needs nothing else. The host made every file it writes to; all are FIFOs.
gate=${0%/*} side=$1 other=$2 place=$3 cores=$4 hold=$5
exec </dev/null >>"$gate/log" 2>&1
exec 3<>"$gate/gate.$side" 4>>"$gate/go.$side" 5>>"$gate/end" 6>>"$gate/tell"

export DUET_SIDE="$side" DUET_GATE="$gate"
if [ "$DUET_TYPE" = syncduet ]; then export DUET_BARRIER="$gate"; fi
command=$DUET_COMMAND setup=${DUET_SETUP-}
unset DUET_COMMAND DUET_SETUP

# Before anything is said: once the cores are known, the host tries what moving the sides costs.
if [ -n "$setup" ]; then sh -c "$setup" 3>&- 4>&- 5>&- 6>&- || exit; fi

# The cores as the side sees them: what was asked for may silently not have been granted.
while read -r key value; do
    if [ "$key" = Cpus_allowed_list: ]; then echo "cpus $value" >&6; fi
done </proc/self/status

# Commands are bash's where there is one, as in asynchronous-duet ([[ ]], &>).
shell=sh
if command -v bash >/dev/null 2>&1; then shell=bash; fi

# Asked to stop: pass it to the whole tree. Process 1 may signal all it sees; elsewhere the group is its own.
asked= stopping=
ask() {
    asked=yes stopping=yes
    trap '' TERM
    # Not `kill -s TERM -1`: dash takes -1 for an option.
    if [ "$$" = 1 ]; then kill -TERM -1; else kill -TERM 0; fi
    trap ask TERM
}
trap ask TERM

others() { # whether another process lives, as process 1 sees it; it has nothing to collect the dead with
    for process in /proc/[1-9]*; do
        if [ "$process" != /proc/1 ] && { read -r stat <"$process/stat"; } 2>/dev/null; then
            case ${stat##*) } in [ZX]*) ;; *) return 0 ;; esac
        fi
    done
    return 1
}

# The host tries first what moving the sides between cores costs; it then writes a line into the gate's FIFO.
if [ "$hold" = held ]; then read -r _ <&3; fi

# The gate. Being woken from a FIFO takes 50 us to some ms, the second side would run ahead by that. So where
# each has cores of its own, the second only wakes the first; both are awake then and watch for each other's
# stamp to change, which is seen within microseconds. On shared cores watching would keep the other one off them.
watch() { until [ "$gate/go.$other" -nt "$gate/launch" ]; do :; done; }
case $place in
first)
    echo g >"$gate/gate.$other"
    read -r _ <&3
    echo >&4 # awake
    if [ "$cores" = apart ]; then watch; fi
    ;;
second)
    read -r _ <&3
    echo g >"$gate/gate.$other"
    if [ "$cores" = apart ]; then watch; fi
    echo >&4 # open
    ;;
alone)
    echo >&4
    ;;
esac
# The kernel's own time of this instant is the FIFO's mtime. Linux >= 6.13 makes it exact only for a change
# that follows a stat within the same tick: so change, stat, change.
[ -e "$gate/go.$side" ]
echo >&4
echo go >&6

# The shell that runs the command outlives SIGTERM: what it waits for may write its results then.
"$shell" -c "trap : TERM
$command" 3>&- 4>&- 5>&- 6>&- &
child=$!
wait "$child"
status=$?
while [ -n "$asked" ]; do # interrupted by TERM: the side may take its time to end
    asked=
    wait "$child"
    again=$?
    if [ "$again" != 127 ]; then status=$again; fi # 127: its status was collected before
done
echo >&5
[ -e "$gate/end" ]
echo >&5
echo "end $status" >&6
# Asked, the whole tree gets the time it was given, and the host wakes this one now and then to look for it.
if [ -n "$stopping" ] && [ "$$" = 1 ]; then
    while others; do read -r _ <&3; done
fi
if [ -r "$gate/atend" ]; then . "$gate/atend"; fi # the engine's: what the side used, to descriptor 6
exit "$status"
