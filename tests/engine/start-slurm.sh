#!/bin/sh
# Makes a real Slurm of two nodes, bench1 and bench2, on this host, below the empty directory that is named:
#
#     start-slurm.sh DIRECTORY         prints the process ids that are to be ended, the controller's first
#
# Each node is a slurmd in a UTS namespace of its own, so that runs find themselves on two hosts; without an
# init system, cgroups and accounting. Only root may: installs Slurm and munge where they are missing. Writes
# /etc/slurm/slurm.conf, since SLURM_CONF does not reach jobs; one that is not of its own making stays, and is
# an error.
set -eu
tools=$(dirname "$0")/../tools.py
conf=/etc/slurm/slurm.conf mark='# of tests/engine/start-slurm.sh'
mkdir -p "$1"
here=$(cd "$1" && pwd)
if [ "$(id -u)" != 0 ]; then
    echo "only root may start Slurm here" >&2
    exit 1
fi
if [ -e "$conf" ] && ! grep -q "^$mark" "$conf"; then
    echo "$conf: a Slurm of its own is configured here; it stays as it is" >&2
    exit 1
fi
python3 "$tools" slurmctld munged >&2
mkdir -p "$here/state" "$here/bench1" "$here/bench2" /etc/slurm
key=$here/munge.key socket=$here/munge.socket
head -c 1024 /dev/urandom >"$key"
chmod 600 "$key"
chmod 711 "$here" # munged wants its socket in reach of all
munged --force --key-file="$key" --socket="$socket" --pid-file="$here/munge.pid" \
    --seed-file="$here/munge.seed" --log-file="$here/munge.log"
cat >"$conf" <<CONF
$mark
ClusterName=duetbench
SlurmctldHost=$(uname -n)(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket=$socket
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation=$here/state
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd-%n.pid
SlurmdSpoolDir=$here/%n
SlurmctldLogFile=$here/slurmctld.log
SlurmdLogFile=$here/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=bench[1-2] NodeHostname=$(uname -n) NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=2 RealMemory=4000
PartitionName=duet Nodes=bench[1-2] Default=YES OverSubscribe=NO MaxTime=INFINITE State=UP
CONF
setsid slurmctld -D -c </dev/null >/dev/null 2>&1 &
pids=$!
for node in bench1 bench2; do
    setsid unshare --uts sh -c "hostname $node && exec slurmd -D -N $node" </dev/null >/dev/null 2>&1 &
    pids="$pids $!"
done
for _ in $(seq 300); do
    if [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null)" = 2 ]; then
        echo "$pids $(cat "$here/munge.pid")"
        exit 0
    fi
    sleep 0.1
done
echo "Slurm does not start: $(tail -n 1 "$here/slurmctld.log"); see $here" >&2
exit 1
