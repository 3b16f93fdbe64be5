# Point reads on the same data in both servers, and writes beside a scan.
# shellcheck shell=bash

# Transfers of book b0 for both sides, once: the same keys, ids, seqs and amounts.
load_reads() {
  [ -z "${reads_loaded:-}" ] || return 0
  psql -X -q -v ON_ERROR_STOP=1 -v transfers="$transfers" -h 127.0.0.1 -p "$postgres_port" -U bench \
    -d postgres -c 'TRUNCATE postings, transactions' -f reads/postgres-data.sql ||
    fail "the data of reads could not be loaded into postgres"
  {
    echo 'COPY transfers (book, idempotency_key, tx_id, debit_account, credit_account, amount)'
    echo 'FROM STDIN WITH (commit_every 10000);'
    # Not every awk prints numbers of twelve digits.
    seq "$transfers" | awk '{ printf "b0\tread-%d\t00000000-0000-7000-8000-1%011d\tacct:%d\tacct:%d\t%d\n",
      $1, $1, $1 % 1000, ($1 % 1000 + 1 + $1 % 997) % 1000, 1 + $1 % 5000 }'
    echo '\.'
  } | psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$tallybook_port" -U bench -d tallybook ||
    fail "the data of reads could not be loaded into tallybook"
  reads_loaded=yes
}

# cpu_ticks SIDE: processor time of the server so far; of Postgres, that of backends that have ended
cpu_ticks() {
  case "$1" in
    postgres) awk '{ print $16 + $17 }' "/proc/$(head -n 1 "$dir/postgres/data/postmaster.pid")/stat" ;;
    tallybook) awk '{ print $14 + $15 }' "/proc/$tallybook_pid/stat" ;;
  esac
}

# measure_read SIDE SCRIPT CLIENTS MODE: reads per second, and µs of the server's processors for each
measure_read() {
  local before after rate
  before="$(cpu_ticks "$1")"
  rate="$(measure "$@" -D "transfers=$transfers")"
  # Backends end a moment after their clients.
  [ "$1" = tallybook ] || wait_for_backends
  after="$(cpu_ticks "$1")"
  awk -v rate="$rate" -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" -v seconds="$seconds" \
    'BEGIN { print rate, ticks / hertz * 1e6 / (rate * seconds) }'
}

wait_for_backends() {
  until [ "$(psql -X -A -t -h 127.0.0.1 -p "$postgres_port" -U bench -d postgres -c \
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")" = 1 ]; do :; done
}

# reads NAME: every kind of read, prepared and simple
reads() {
  local kind mode clients ours theirs
  load_reads
  printf '%-24s %7s %12s %12s %8s %14s %14s   %s\n' "$1" clients postgres tallybook ratio 'postgres µs' 'tallybook µs' bar
  for kind in balance history by-id by-key; do
    ours="reads/$kind.sql" theirs="reads/$kind.sql"
    [ "$kind" != history ] || ours=reads/tb-history.sql theirs=reads/pg-history.sql
    for mode in prepared simple; do
      for clients in $read_clients; do
        compare_reads "$kind $mode" "$mode" "$clients" "$ours" "$theirs"
      done
    done
  done
}

# compare_reads NAME MODE CLIENTS OURS THEIRS
compare_reads() {
  local round results="$dir/results"
  rm -f "$results".*
  for ((round = 0; round < rounds; round++)); do
    measure_read postgres "$5" "$3" "$2" >>"$results.theirs"
    measure_read tallybook "$4" "$3" "$2" >>"$results.ours"
  done
  awk -v name="$1" -v clients="$3" \
    -v theirs="$(cut -d ' ' -f 1 "$results.theirs" | median)" \
    -v ours="$(cut -d ' ' -f 1 "$results.ours" | median)" \
    -v their_cpu="$(cut -d ' ' -f 2 "$results.theirs" | median)" \
    -v our_cpu="$(cut -d ' ' -f 2 "$results.ours" | median)" -v bar="$(bar "${1% *}" "${1#* }" "$3")" \
    'BEGIN { printf "%-24s %7d %12.0f %12.0f %8.2f %14.1f %14.1f   %s\n",
      name, clients, theirs, ours, ours / theirs, their_cpu, our_cpu, bar }'
}

# Reads of history that is in memory: it is loaded by a server that has room for it.
in_memory() {
  [ -n "${reads_loaded:-}" ] || restart_tallybook --memory-budget "${BENCH_MEMORY:-8GiB}"
  reads reads
  restart_tallybook
}

# The same reads when memory holds the accounts and hardly any history.
evicted() {
  load_reads
  restart_tallybook --memory-budget "${BENCH_SMALL_MEMORY:-128MiB}" --idempotency-hot-cap 1000
  reads evicted
  restart_tallybook
}

# One core for servers and clients: what a scan takes is missing elsewhere.
beside_scan() {
  local alone beside scanning
  load_reads
  restart_tallybook_on taskset -c 0
  alone="$(posts_on_one_core)"
  while taskset -c 0 psql -X -q -o /dev/null -h 127.0.0.1 -p "$tallybook_port" -U bench -d tallybook \
    -c 'SELECT account, count(*), sum(amount) FROM postings GROUP BY account'; do :; done 2>/dev/null &
  scanning=$!
  beside="$(posts_on_one_core)"
  kill "$scanning" 2>/dev/null || fail "the scan beside the posts has failed"
  wait "$scanning" 2>/dev/null || true
  restart_tallybook
  awk -v alone="$alone" -v beside="$beside" 'BEGIN {
    printf "posts on one core: %.0f/s alone, %.0f/s beside a looping scan (%.2f)\n", alone, beside, beside / alone }'
}

posts_on_one_core() {
  local out
  out="$(taskset -c 0 pgbench -n -M prepared -h 127.0.0.1 -p "$tallybook_port" -U bench -c 16 \
    -T "$seconds" -f tb-post.sql tallybook 2>&1)" || fail "$out"
  sed -n 's/^tps = \([0-9.]*\) .*/\1/p' <<<"$out"
}
