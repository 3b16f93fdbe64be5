# What tallybook is to reach, to be printed beside what it does.
# shellcheck shell=bash

# bar NAME CLIENTS AGAINST: in words; nothing where there is no bar
bar() {
  case "$1 $2 $3" in
    post\ 1\ *) echo '1.5 x' ;;
    post\ 64\ pg-post-gapless) echo '30 x, and 30000/s' ;;
    post\ 64\ pg-post-relaxed) echo '6 x, and 30000/s' ;;
    books\ 64\ *) echo '30000/s, and 0.9 of one book' ;;
    in-flight\ *) echo '0.7 of 64 clients posting' ;;
    balance\ prepared\ *) echo '1.2 x' ;;
  esac
}

fail() {
  echo "$1" >&2
  exit 1
}
