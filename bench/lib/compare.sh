# pgbench against both sides in turns, and the median of the rounds.
# shellcheck shell=bash

# measure SIDE SCRIPT CLIENTS MODE [PGBENCH OPTION…]: transactions per second
measure() {
  local port database out side="$1" script="$2" clients="$3" mode="$4"
  shift 4
  case "$side" in
    postgres) port=$postgres_port database=postgres ;;
    tallybook) port=$tallybook_port database=tallybook ;;
  esac
  if ! out="$(pgbench -n -M "$mode" -h 127.0.0.1 -p "$port" -U bench -c "$clients" -j 2 -T "$seconds" \
    -f "$script" "$@" "$database" 2>&1)" || ! grep -q 'number of failed transactions: 0 ' <<<"$out"; then
    echo "$out" >&2
    exit 1
  fi
  sed -n 's/^tps = \([0-9.]*\) .*/\1/p' <<<"$out"
}

median() {
  sort -n | awk '{ values[NR] = $1 } END {
    middle = int((NR + 1) / 2)
    print NR % 2 ? values[middle] : (values[middle] + values[middle + 1]) / 2 }'
}

# compare NAME MODE CLIENTS TALLYBOOK_SCRIPT POSTGRES_SCRIPT…: one line per Postgres script
compare() {
  local name="$1" mode="$2" clients="$3" ours="$4" round script results="$dir/results"
  shift 4
  rm -f "$results".*
  for ((round = 0; round < rounds; round++)); do
    for script in "$@"; do
      measure postgres "$script" "$clients" "$mode" >>"$results.$script"
    done
    measure tallybook "$ours" "$clients" "$mode" >>"$results.tallybook"
  done
  for script in "$@"; do
    awk -v name="$name" -v clients="$clients" -v other="$(basename "$script" .sql)" \
      -v theirs="$(median <"$results.$script")" -v ours="$(median <"$results.tallybook")" \
      -v bar="$(bar "$name" "$clients" "$(basename "$script" .sql)")" \
      'BEGIN { printf "%-9s %7d   %-20s %12.0f %12.0f %8.2f   %s\n", name, clients, other, theirs, ours, ours / theirs, bar }'
  done
}
