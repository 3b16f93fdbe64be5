"""Loads the sides, asks them in turns, prints medians and ratios."""

import math
import os
import statistics
import sys

import data
from queries import QUERIES
from sides import DuckDb, Postgres, Tallybook


def rows_agree(one: list, other: list) -> bool:
    def comparable(rows: list) -> list:
        # Months come with a zone and without, medians as decimals and floats.
        return sorted(
            tuple(value.replace(tzinfo=None) if hasattr(value, "tzinfo")
                  else value if isinstance(value, str) else float(value) for value in row)
            for row in rows)

    return comparable(one) == comparable(other)


def compare(title: str, ours, others: list, rounds: int, before=lambda: None) -> None:
    print(f"\n{title}; milliseconds on the clock (of processors)")
    print(f"{'query':<10}{'tallybook':>18}" + "".join(
        f"{other.name:>18}{'ratio':>14}" for other in others))
    for query in QUERIES:
        measured = {side.name: ([], []) for side in [ours, *others]}
        failure, answers = None, {}
        for _ in range(rounds):
            before()
            for side in [*others, ours]:
                try:
                    clock, processors, rows = side.ask(query.on(side.name))
                except Exception as error:
                    if side is not ours:
                        raise
                    failure = str(error).splitlines()[0]
                    continue
                answers[side.name] = rows
                measured[side.name][0].append(clock * 1e3)
                measured[side.name][1].append(processors * 1e3)
        medians = {
            name: tuple(statistics.median(values) if values else math.nan for values in pair)
            for name, pair in measured.items()}
        line = f"{query.name:<10}{shown(medians[ours.name]):>18}"
        for other in others:
            ratios = [theirs / us for theirs, us in zip(medians[other.name], medians[ours.name])]
            line += f"{shown(medians[other.name]):>18}{shown(ratios, 2):>14}"
        print(line + (f"   {failure}" if failure else ""), flush=True)
        for other in others:
            if not failure and not rows_agree(answers[ours.name], answers[other.name]):
                raise SystemExit(f"{query.name}: the answers of {other.name} are others")


def shown(pair, digits: int = 0) -> str:
    clock, processors = (f"{value:.{digits}f}" for value in pair)
    return clock if math.isnan(pair[1]) else f"{clock} ({processors})"


def main() -> None:
    directory, *words = sys.argv[1:]
    words = words or ["memory", "files"]
    if unknown := set(words) - {"memory", "files"}:
        raise SystemExit(f"unknown word {unknown.pop()}: memory or files")
    postings = int(os.environ.get("BENCH_POSTINGS", "10000000"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    threads = int(os.environ.get("BENCH_THREADS", "2"))
    if hasattr(os, "sched_setaffinity"):
        # All sides have so many cores and no more: tallybook takes as many threads as it has cores.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    print(f"run:        {postings} postings, {rounds} rounds, {threads} threads", flush=True)
    data.make(directory, postings)
    tallybook = Tallybook(directory)
    sides = [tallybook]
    try:
        if "memory" in words:
            others = [Postgres(directory, threads), DuckDb(directory, threads, in_memory=True)]
            sides += others
            for query in QUERIES:
                for side in [tallybook, *others]:
                    try:
                        side.ask(query.on(side.name))
                    except Exception:
                        # It will be asked again, and reported.
                        pass
            compare("in memory", tallybook, others, rounds)
        if "files" in words:
            duck = DuckDb(directory, threads, in_memory=False)
            sides.append(duck)
            compare("from column files, after a restart", tallybook, [duck], rounds,
                    before=tallybook.restart)
    finally:
        for side in sides:
            side.stop()


if __name__ == "__main__":
    main()
