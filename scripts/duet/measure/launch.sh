# The main process of a side: sh GATE/launch SIDE OTHER first|second|alone apart|shared held|free, command in
# DUET_COMMAND.
# POSIX sh, builtins only: the image needs nothing else. The host made every file it writes to.
gate=${0%/*} side=$1 other=$2 place=$3 cores=$4 hold=$5
exec </dev/null >>"$gate/$side.log" 2>&1
exec 3<>"$gate/gate.$side" 4>>"$gate/$side.go" 5>>"$gate/$side.end"

export DUET_SIDE="$side" DUET_GATE="$gate"
if [ "$DUET_TYPE" = syncduet ]; then export DUET_BARRIER="$gate"; fi
command=$DUET_COMMAND
unset DUET_COMMAND

# The cores as the side sees them: what was asked for may silently not have been granted.
while read -r key value; do
    if [ "$key" = Cpus_allowed_list: ]; then echo "$value" >>"$gate/$side.cpus"; fi
done </proc/self/status

# Asked to stop: pass it to the whole tree. Process 1 may signal all it sees; elsewhere the group is its own.
asked=
ask() {
    asked=yes
    trap '' TERM
    # Not `kill -s TERM -1`: dash takes -1 for an option.
    if [ "$$" = 1 ]; then kill -TERM -1; else kill -TERM 0; fi
    trap ask TERM
}
trap ask TERM

# The host tries first what moving the sides between cores costs; it then writes a line into the gate's FIFO.
if [ "$hold" = held ]; then read -r _ <&3; fi

# The gate. Being woken from a FIFO takes 50 us to some ms, the second side would run ahead by that. So where
# each has cores of its own, the second only wakes the first; both are awake then and watch for a file, which
# is seen within microseconds. On shared cores watching would keep the other one off them.
case $place in
first)
    echo g >"$gate/gate.$other"
    read -r _ <&3
    if [ "$cores" = apart ]; then
        : >"$gate/awake"
        until [ -e "$gate/open" ]; do :; done
    fi
    ;;
second)
    read -r _ <&3
    echo g >"$gate/gate.$other"
    if [ "$cores" = apart ]; then
        until [ -e "$gate/awake" ]; do :; done
        : >"$gate/open"
    fi
    ;;
esac
# The kernel's own time of this instant is the file's mtime. Linux >= 6.13 makes it exact only for a change
# that follows a stat within the same tick: so change, stat, change.
echo >&4
[ -s "$gate/$side.go" ]
echo go >&4

sh -c "$command" 3>&- 4>&- 5>&- &
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
[ -s "$gate/$side.end" ]
echo "$status" >&5
if [ -r "$gate/$side.atend" ]; then . "$gate/$side.atend"; fi # the engine's: what the side used
exit "$status"
