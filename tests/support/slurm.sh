#!/bin/sh
# A Slurm of one node, on this machine, in a folder, for as long as a command takes:
#
#   tests/support/slurm.sh FOLDER COMMAND [ARGUMENT…]
#
# Needs the programs of Debian's slurm-wlm and munge, and root. Beside a Slurm that is there already it
# changes nothing: all files lie in FOLDER, and all ports are those of the variable SLURM_TEST_PORT and the
# next (default 16817).
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
port=${SLURM_TEST_PORT:-16817}
mkdir -p "$folder/state" "$folder/spool"
chmod 755 "$folder"

(umask 077 && dd if=/dev/urandom bs=1 count=1024 of="$folder/munge.key" 2>/dev/null)
cat >"$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MpiDefault=none
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc)
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
# Jobs are counted by their processes: no control groups, and so nothing of systemd's, are needed.
[ -e /sys/fs/cgroup/cgroup.controllers ] || echo 'CgroupPlugin=cgroup/v1' >"$folder/cgroup.conf"
export SLURM_CONF="$folder/slurm.conf"

munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
  --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" --seed-file="$folder/munge.seed" 2>"$folder/munge.err" &
started=$!
slurmctld -D -f "$SLURM_CONF" 2>"$folder/slurmctld.err" &
started="$started $!"
slurmd -D -f "$SLURM_CONF" -N "$(hostname -s)" 2>"$folder/slurmd.err" &
started="$started $!"
# shellcheck disable=SC2086 # a list of ids
trap 'kill $started 2>/dev/null || true; wait' EXIT

for _ in $(seq 60); do
  if [ "$(sinfo --noheader --format=%t 2>/dev/null)" = idle ]; then
    status=0
    "$@" || status=$?
    exit "$status"
  fi
  sleep 1
done
echo "slurm.sh: no node became idle in a minute; $folder/*.log says why" >&2
exit 1
