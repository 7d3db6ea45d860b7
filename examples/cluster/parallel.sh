#!/bin/sh
# A plan in shards under GNU parallel, one core each, and the table of them all:
#
#   examples/cluster/parallel.sh PLAN OUT [flags of npm run sweep, such as --data FILE]
#
# SHARDS says how many shards there are (default 8), JOBS how many train at once (default: as many as cores).
# A shard that ended with 1 may be tried again; what it has finished is not trained again.
set -u
plan=$1
out=$2
shift 2
shards=${SHARDS:-8}

# shellcheck disable=SC2016 # the shell that parallel starts reads $?
seq "$shards" | parallel --will-cite --jobs "${JOBS:-100%}" --joblog "$plan.joblog" --retries 3 --quote \
  sh -c 'npm run --silent sweep -- "$@"; code=$?; [ "$code" = 2 ] && exit 0; exit "$code"' shard \
  --plan "$plan" --shard "{}/$shards" --out "$out" --threads 1 "$@" || exit 1

npm run --silent sweep -- --plan "$plan" --merge "$out" --out "$out" "$@"
