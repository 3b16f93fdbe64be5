# What pgbench cannot send: many posts in flight on one connection, and COPY.
# shellcheck shell=bash

post_ours="INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('b0', \$1, \$2, \$3, \$4) RETURNING tx_id, seq, deduplicated"

# one_connection NAME WINDOW: in-flight or pipeline, against the same calls of the Postgres ledger
one_connection() {
  local name="$1" window="$2" round kind results="$dir/results"
  rm -f "$results".*
  for ((round = 0; round < rounds; round++)); do
    for kind in gapless relaxed; do
      "$wire_bench" "$name" "$postgres_port" postgres \
        "SELECT * FROM post('b0', \$1, \$2, \$3, \$4::numeric, $([ "$kind" = gapless ] && echo true || echo false))" \
        "$seconds" "$window" >>"$results.$kind"
    done
    "$wire_bench" "$name" "$tallybook_port" tallybook "$post_ours" "$seconds" "$window" \
      >>"$results.tallybook"
  done
  for kind in gapless relaxed; do
    awk -v name="$name" -v window="$window" -v other="pg-$kind" \
      -v theirs="$(median <"$results.$kind")" -v ours="$(median <"$results.tallybook")" \
      -v bar="$(bar "$name" "$window" "pg-$kind")" \
      'BEGIN { printf "%-9s %7d   %-20s %12.0f %12.0f %8.2f   %s\n", name, window, other, theirs, ours, ours / theirs, bar }'
  done
}

copy() {
  local round
  for ((round = 0; round < rounds; round++)); do
    echo "copy      (bar 200000/s) $("$wire_bench" copy "$tallybook_port" tallybook "$seconds" 1000)"
  done
}
