# The two servers: what they need, how they start, and how they stop.
# shellcheck shell=bash

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

find_postgres() {
  local candidate
  for candidate in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
    if [ -x "$candidate" ]; then
      dirname "$(readlink -f "$candidate")"
      return
    fi
  done
}

set_up() {
  if [ -z "$(find_postgres)" ] || ! command -v pgbench >/dev/null; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql
  fi
  # Cargo knows its target directory better than we do.
  local target
  target="$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
  cargo build --quiet --release -p wire-bench
  wire_bench="$target/release/wire-bench"
  if [ -z "${TALLYBOOK:-}" ]; then
    cargo build --release -p tallybook
    TALLYBOOK="$target/release/tallybook"
  fi
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

stop() {
  [ -z "${tallybook_pid:-}" ] || kill -TERM "$tallybook_pid" 2>/dev/null || true
  [ ! -f "$dir/postgres/data/postmaster.pid" ] ||
    as_postgres "$postgres_bin/pg_ctl" -D "$dir/postgres/data" -m fast -s stop || true
  [ -z "${tallybook_pid:-}" ] || wait "$tallybook_pid" 2>/dev/null || true
  rm -rf "$dir"
}

start_postgres() {
  local data="$dir/postgres/data"
  mkdir -p "$dir/postgres"
  [ "$(id -u)" != 0 ] || chown postgres "$dir/postgres"
  as_postgres "$postgres_bin/initdb" -D "$data" -U bench -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
  # Any free port: the postmaster of an earlier run may still hold a fixed one.
  postgres_port="$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')"
  as_postgres tee -a "$data/postgresql.conf" >/dev/null <<END
port = $postgres_port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/postgres'
max_connections = 200
shared_buffers = 512MB
END
  as_postgres "$postgres_bin/pg_ctl" -D "$data" -l "$dir/postgres/log" -w -s start
  psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$postgres_port" -U bench -d postgres -f postgres-ledger.sql
}

# serve [RUNNER…] -- [OPTION…]: starts tallybook on its directory and waits until it is ready
serve() {
  local line runner=()
  while [ "$1" != -- ]; do runner+=("$1") && shift; done
  shift
  rm -f "$dir/ready"
  mkfifo "$dir/ready"
  "${runner[@]}" "$TALLYBOOK" serve --data "$dir/tallybook" --listen 127.0.0.1:0 "$@" \
    >"$dir/ready" 2>"$dir/tallybook.log" &
  tallybook_pid=$!
  exec 3<"$dir/ready"
  if ! read -r line <&3; then
    cat "$dir/tallybook.log" >&2
    exit 1
  fi
  tallybook_port="$(grep -oE '127\.0\.0\.1:[0-9]+' <<<"$line" | tail -n 1 | cut -d: -f2)"
}

stop_tallybook() {
  kill -TERM "$tallybook_pid"
  wait "$tallybook_pid" || true
}

# restart_tallybook [OPTION…]
restart_tallybook() {
  stop_tallybook
  serve -- "$@"
}

# restart_tallybook_on RUNNER…: such as taskset -c 0
restart_tallybook_on() {
  stop_tallybook
  serve "$@" --
}

start_tallybook() {
  serve --
  {
    echo "INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar');"
    echo "COPY accounts (book, path, asset, kind) FROM STDIN;"
    seq -f $'b0\tacct:%.0f\tUSD\tliability' 0 999
    for book in $(seq 999); do
      printf 'b%d\tacct:%d\tUSD\tliability\n' "$book" 0 "$book" 1 "$book" 2 "$book" 3
    done
    echo '\.'
  } | psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$tallybook_port" -U bench -d tallybook
}
