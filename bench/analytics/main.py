"""Loads the sides, asks them in turns, prints medians, ratios, and the bars beside them."""

import contextlib
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


class Medians:
    """What a side took for one query: on the clock, and of processors."""

    def __init__(self):
        self.clock, self.processors = [], []

    def add(self, clock: float, processors: float) -> None:
        self.clock.append(clock)
        self.processors.append(processors)

    def pair(self) -> tuple[float, float]:
        return tuple(statistics.median(values) if values else math.nan
                     for values in (self.clock, self.processors))


def shown(pair: tuple[float, float], form: str) -> str:
    return f"{pair[0]:{form}} ({pair[1]:{form}})"


def judged(ratios: tuple[float, float], bar: float | None) -> str:
    """The ratio, and its bar where it has one."""
    text = shown(ratios, ".2f")
    if bar is None:
        return text
    verdicts = ["met" if ratio >= bar else "missed" for ratio in ratios]
    return f"{text}, bar {bar:g}: {verdicts[0]} ({verdicts[1]})"


def compare(title: str, ours, others: list, rounds: int, before=lambda: None) -> None:
    print(f"\n{title}: milliseconds on the clock (of processors); ratio, of the other to tallybook")
    print(f"{'query':<10}{'tallybook':>16}" + "".join(
        f"{other.name:>18}  {'ratio':<40}" for other in others))
    for query in QUERIES:
        measured = {side.name: Medians() for side in [ours, *others]}
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
                measured[side.name].add(clock * 1e3, processors * 1e3)
        medians = {name: side.pair() for name, side in measured.items()}
        line = f"{query.name:<10}{shown(medians[ours.name], '.0f'):>16}"
        for other in others:
            ratios = tuple(
                theirs / us if us else math.inf
                for theirs, us in zip(medians[other.name], medians[ours.name]))
            bar = query.bar(other.name)
            line += f"{shown(medians[other.name], '.0f'):>18}  {judged(ratios, bar):<40}"
        print((line + (failure or "")).rstrip(), flush=True)
        for other in others:
            if not failure and not rows_agree(answers[ours.name], answers[other.name]):
                raise SystemExit(f"{query.name}: the answers of {other.name} are others")


def in_memory(tallybook, directory: str, threads: int, rounds: int) -> None:
    with contextlib.ExitStack() as running:
        postgres = Postgres(directory, threads)
        running.callback(postgres.stop)
        postgres.start()
        others = [postgres, DuckDb(directory, threads, in_memory=True)]
        # What is read for the second time stays in tallybook's memory.
        for query in [*QUERIES, *QUERIES]:
            try:
                tallybook.ask(query.on(tallybook.name))
            except Exception:
                # It will be asked again, and reported.
                pass
        for query in QUERIES:
            for side in others:
                side.ask(query.on(side.name))
        compare("in memory", tallybook, others, rounds)


def from_files(tallybook, directory: str, threads: int, rounds: int) -> None:
    duck = DuckDb(directory, threads, in_memory=False)

    def restart() -> None:
        tallybook.restart()
        duck.restart()

    compare("from column files after a restart", tallybook, [duck], rounds, before=restart)


def main() -> None:
    directory, *words = sys.argv[1:]
    kinds = {"memory": in_memory, "files": from_files}
    if unknown := set(words) - set(kinds):
        raise SystemExit(f"unknown word {unknown.pop()}: memory or files")
    postings = int(os.environ.get("BENCH_POSTINGS", "10000000"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    threads = int(os.environ.get("BENCH_THREADS", "2"))
    if hasattr(os, "sched_setaffinity"):
        # All sides have so many cores and no more: tallybook takes as many threads as it has cores.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    print(f"run:        {postings} postings, {rounds} rounds, {threads} threads", flush=True)
    data.make(directory, postings)
    with contextlib.ExitStack() as running:
        tallybook = Tallybook(directory)
        running.callback(tallybook.stop)
        tallybook.start()
        for word in words or kinds:
            kinds[word](tallybook, directory, threads, rounds)


if __name__ == "__main__":
    main()
