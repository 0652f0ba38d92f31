#!/bin/sh
# Makes a Docker Engine answer where no init system does it (CI, virtual machines): installs it when root may,
# starts it in a session of its own, waits for it. Prints the file with its process id when it started one:
# whoever wants it to end sends SIGTERM to that process.
set -eu
tools=$(dirname "$0")/../tools.py

_may_start() { # not in a container without CAP_SYS_ADMIN, bit 21 of the effective capabilities
    capabilities=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ -z "$capabilities" ] || [ $((0x$capabilities >> 21 & 1)) = 1 ]
}

if docker info >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" != 0 ]; then
    echo "no Docker Engine answers, and only root may start one; sudo $0" >&2
    exit 1
fi
if ! _may_start; then
    echo "no Docker Engine answers, and this container may not start one; use a machine, or a privileged container" >&2
    exit 1
fi
if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    python3 "$tools" dockerd >&2
fi
if [ -d /run/systemd/system ]; then
    systemctl start docker
    exec docker info >/dev/null
fi
log=/var/log/dockerd.duetbench.log pid_file=/run/dockerd.duetbench.pid
if ! docker info >/dev/null 2>&1; then # installing it may have started it
    setsid dockerd </dev/null >"$log" 2>&1 &
    echo $! >"$pid_file"
    for _ in $(seq 300); do
        if docker info >/dev/null 2>&1; then
            echo "$pid_file"
            exit 0
        fi
        if ! kill -0 "$(cat "$pid_file")" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "dockerd does not start: $(tail -n 1 "$log"); see $log" >&2
    exit 1
fi
