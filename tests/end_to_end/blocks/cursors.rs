//! SQL cursors, and the portals of the protocol that they share their names with.

use super::{Case, compare, same};

const FORWARD: &[Case] = &[
    same(
        "declare fetch close",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT path FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query FETCH c\nquery FETCH NEXT FROM c\nquery FETCH 1 IN c\nquery FETCH ALL FROM c\nquery FETCH c\nquery CLOSE c\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "forward by numbers",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\n\
         query FETCH 2 FROM c\nquery FETCH FORWARD FROM c\nquery FETCH FORWARD 2 c\nquery FETCH +1 c\nquery FETCH FORWARD ALL IN c\nquery FETCH ALL c\nquery COMMIT",
    ),
    same(
        "move",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\n\
         query MOVE c\nquery MOVE 2 FROM c\nquery FETCH c\nquery MOVE RELATIVE 2 c\nquery FETCH c\nquery MOVE 0 c\nquery MOVE ALL c\nquery MOVE 0 c\nquery FETCH c\nquery COMMIT",
    ),
    same(
        "absolute and relative forward",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 20) AS s(n) ORDER BY n\n\
         query FETCH ABSOLUTE 3 c\nquery FETCH RELATIVE 4 c\nquery FETCH ABSOLUTE 15 c\nquery FETCH ABSOLUTE 30 c\nquery COMMIT",
    ),
    same(
        "no scroll goes forward only",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\n\
         query FETCH 2 FROM c\nquery FETCH PRIOR c\nquery ROLLBACK",
    ),
    same(
        "no scroll does not rewind",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\n\
         query FETCH FIRST c\nquery FETCH FIRST c\nquery ROLLBACK",
    ),
    same(
        "no scroll does not stay",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\n\
         query FETCH 0 c\nquery FETCH c\nquery FETCH 0 c\nquery ROLLBACK",
    ),
    same(
        "the last of no scroll",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\nquery FETCH LAST c\nquery ROLLBACK",
    ),
    same(
        "outside of a block",
        "query DECLARE c CURSOR FOR SELECT 1 AS one\nquery FETCH c\nquery CLOSE c\nquery CLOSE ALL",
    ),
    same(
        "in a query of several",
        "query DECLARE c CURSOR FOR SELECT 1 AS one; FETCH c; MOVE c; CLOSE c\nquery DECLARE c CURSOR FOR SELECT 1 AS one; FETCH c\nquery FETCH c",
    ),
    same(
        "in a pipeline",
        "run DECLARE c CURSOR FOR SELECT 1 AS one\nrun FETCH c\nsync\nrun BEGIN\nrun DECLARE c CURSOR FOR SELECT 1 AS one\nrun FETCH c\nrun COMMIT\nrun FETCH c\nsync",
    ),
    same(
        "the name is taken",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery DECLARE c CURSOR FOR SELECT 2 AS two\nquery ROLLBACK",
    ),
    same(
        "a block closes its cursors",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery COMMIT\nquery FETCH c\nquery BEGIN; DECLARE c CURSOR FOR SELECT 1 AS one; ROLLBACK; FETCH c",
    ),
    same(
        "a chained block closes them too",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery COMMIT AND CHAIN\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "a failed block",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery {fail}\nquery FETCH c\nquery CLOSE c\nquery DECLARE d CURSOR FOR SELECT 1 AS one\nquery ROLLBACK\nquery CLOSE c",
    ),
    same(
        "a cursor that fails",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT (1 / (3 - n))::int AS x FROM generate_series(1, 5) AS s(n)\nquery SAVEPOINT s\n\
         query FETCH ALL c\nquery ROLLBACK TO s\nquery FETCH c\nquery ROLLBACK TO s\nquery CLOSE c\nquery COMMIT",
    ),
    same(
        "a cursor of what is not there",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT 1 AS one FROM nothing\nquery ROLLBACK\nquery DECLARE c CURSOR FOR SELECT 1 AS one FROM nothing",
    ),
    same(
        "one cut",
        "query BEGIN\nquery {post a 1}\nquery DECLARE c CURSOR FOR SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query {post b 2}\nquery FETCH ALL c\nquery SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\nquery COMMIT",
    ),
    same(
        "others commit meanwhile",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\n\
         other query {post a 1}\nquery FETCH 2 c\nother query {post b 1}\nquery FETCH ALL c\nquery COMMIT",
    ),
    same(
        "interleaved cursors and writes",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT n::int AS n FROM generate_series(1, 9) AS s(n) ORDER BY n\n\
         query DECLARE d CURSOR FOR SELECT path FROM accounts WHERE book = '{book}' ORDER BY path\n\
         query FETCH 2 c\nquery FETCH 2 d\nquery {post a 1}\nquery FETCH 2 c\nquery FETCH 2 d\nquery CLOSE ALL\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "names",
        "query BEGIN\nquery DECLARE \"My cursor\" CURSOR FOR SELECT 1 AS one\nquery FETCH FROM \"My cursor\"\nquery CLOSE \"My cursor\"\n\
         query DECLARE Next CURSOR FOR SELECT 1 AS one\nquery FETCH next\nquery FETCH NEXT next\nquery CLOSE next\nquery COMMIT",
    ),
    same(
        "syntax",
        "query DECLARE c FOR SELECT 1\nquery DECLARE c CURSOR SELECT 1\nquery FETCH\nquery FETCH ABSOLUTE c\nquery FETCH 1.5 c\nquery FETCH FORWARD c d\n\
         query DECLARE c SCROLL NO SCROLL CURSOR FOR SELECT 1\nquery DECLARE c INSENSITIVE ASENSITIVE CURSOR FOR SELECT 1\nquery CLOSE\nquery MOVE PRIOR",
    ),
    same(
        "options",
        "query BEGIN\nquery DECLARE a INSENSITIVE CURSOR WITHOUT HOLD FOR SELECT 1 AS one\nquery DECLARE b ASENSITIVE NO SCROLL CURSOR FOR VALUES ('a'), ('b')\n\
         query DECLARE d BINARY INSENSITIVE SCROLL CURSOR FOR SELECT 'x' AS x\nquery FETCH a\nquery FETCH ALL b\nquery FETCH d\nquery COMMIT",
    ),
    same(
        "only queries",
        "query BEGIN\nquery DECLARE c CURSOR FOR INSERT INTO assets (id) VALUES ('X')\nquery ROLLBACK",
    ),
];

const SCROLL: &[Case] = &[
    same(
        "every direction",
        "query BEGIN\nquery DECLARE c SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\n\
         query FETCH LAST c\nquery FETCH PRIOR c\nquery FETCH FIRST c\nquery FETCH ABSOLUTE 3 c\nquery FETCH ABSOLUTE -2 c\nquery FETCH RELATIVE -2 c\n\
         query FETCH RELATIVE 0 c\nquery FETCH 0 c\nquery FETCH BACKWARD 1 c\nquery FETCH -1 c\nquery FETCH ALL c\nquery FETCH BACKWARD 2 c\nquery FETCH BACKWARD ALL c\n\
         query FETCH PRIOR c\nquery FETCH FORWARD -1 c\nquery FETCH BACKWARD -2 c\nquery FETCH ABSOLUTE 0 c\nquery FETCH c\nquery FETCH ABSOLUTE 99 c\nquery FETCH PRIOR c\n\
         query FETCH ABSOLUTE -99 c\nquery FETCH c\nquery COMMIT",
    ),
    same(
        "moves",
        "query BEGIN\nquery DECLARE c SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\n\
         query MOVE LAST c\nquery MOVE BACKWARD 2 c\nquery FETCH 0 c\nquery MOVE BACKWARD ALL c\nquery FETCH c\nquery MOVE ALL c\nquery MOVE BACKWARD ALL c\nquery MOVE ABSOLUTE 4 c\n\
         query FETCH c\nquery MOVE FIRST c\nquery MOVE PRIOR c\nquery MOVE 0 c\nquery FETCH c\nquery MOVE 0 c\nquery MOVE -5 c\nquery COMMIT",
    ),
    same(
        "an empty one",
        "query BEGIN\nquery DECLARE c SCROLL CURSOR FOR SELECT 1 AS one WHERE false\nquery FETCH c\nquery FETCH PRIOR c\nquery FETCH LAST c\nquery FETCH 0 c\nquery MOVE ALL c\nquery COMMIT",
    ),
    same(
        "it was read first",
        "query BEGIN\nquery DECLARE c SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery FETCH 3 c\nquery FETCH BACKWARD ALL c\nquery FETCH ALL c\nquery COMMIT",
    ),
];

const HOLD: &[Case] = &[
    same(
        "after commit",
        "query BEGIN\nquery DECLARE c CURSOR WITH HOLD FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery FETCH 2 c\nquery COMMIT\n\
         query FETCH 2 c\nquery BEGIN\nquery FETCH c\nquery ROLLBACK\nquery FETCH c\nquery CLOSE c\nquery FETCH c",
    ),
    same(
        "without a block",
        "query DECLARE c CURSOR WITH HOLD FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery FETCH 2 c\nquery FETCH ALL c\nquery CLOSE c",
    ),
    same(
        "in a pipeline with hold",
        "run DECLARE c CURSOR WITH HOLD FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nrun FETCH 2 c\nsync\nrun FETCH 2 c\nsync\nrun CLOSE c\nsync",
    ),
    same(
        "rolled back",
        "query BEGIN\nquery DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS one\nquery ROLLBACK\nquery FETCH c",
    ),
    same(
        "a query of several that fails",
        "query DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS one; {fail}\nquery FETCH c\nquery DECLARE d CURSOR WITH HOLD FOR SELECT 1 AS one; SELECT 2 AS two\nquery FETCH d",
    ),
    same(
        "scroll with hold",
        "query BEGIN\nquery DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery FETCH 2 c\nquery COMMIT\n\
         query FETCH PRIOR c\nquery FETCH LAST c\nquery FETCH FIRST c\nquery FETCH BACKWARD ALL c\nquery FETCH ALL c",
    ),
    same(
        "it keeps its cut",
        "query BEGIN\nquery DECLARE c CURSOR WITH HOLD FOR SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path\nquery COMMIT\n\
         query {post a 1}\nquery FETCH ALL c",
    ),
    same(
        "it fails at commit",
        "query BEGIN\nquery {post a 1}\nquery DECLARE c CURSOR WITH HOLD FOR SELECT (1 / (3 - n))::int AS x FROM generate_series(1, 5) AS s(n)\nquery COMMIT\nquery FETCH c\nquery SELECT 1 AS one",
    ),
    same(
        "it fails alone",
        "query DECLARE c CURSOR WITH HOLD FOR SELECT (1 / (3 - n))::int AS x FROM generate_series(1, 5) AS s(n)\nquery FETCH c",
    ),
    same(
        "held at its end",
        "query BEGIN\nquery DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT n::int AS n FROM generate_series(1, 3) AS s(n) ORDER BY n\nquery FETCH ALL c\nquery COMMIT\nquery FETCH c\nquery FETCH PRIOR c",
    ),
    same(
        "close all and discard all",
        "query DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS one\nquery CLOSE ALL\nquery FETCH c\nquery DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS one\nquery DISCARD ALL\nquery FETCH c",
    ),
    same(
        "a savepoint undoes it",
        "query BEGIN\nquery SAVEPOINT s\nquery DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS one\nquery ROLLBACK TO s\nquery COMMIT\nquery FETCH c",
    ),
];

const SAVEPOINTS: &[Case] = &[
    same(
        "made before and since",
        "query BEGIN\nquery DECLARE before CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery SAVEPOINT s\n\
         query DECLARE since CURSOR FOR SELECT 1 AS one\nquery FETCH before\nquery ROLLBACK TO s\nquery FETCH before\nquery FETCH since\nquery ROLLBACK",
    ),
    same(
        "released",
        "query BEGIN\nquery SAVEPOINT a\nquery DECLARE c CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery RELEASE a\nquery SAVEPOINT b\nquery FETCH c\n\
         query ROLLBACK TO b\nquery FETCH c\nquery COMMIT",
    ),
    same(
        "released into another",
        "query BEGIN\nquery SAVEPOINT a\nquery SAVEPOINT b\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery RELEASE b\nquery FETCH c\nquery ROLLBACK TO a\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "released and defined again",
        "query BEGIN\nquery SAVEPOINT a\nquery SAVEPOINT b\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery RELEASE b\nquery SAVEPOINT b\nquery DECLARE d CURSOR FOR SELECT 2 AS two\n\
         query ROLLBACK TO b\nquery FETCH c\nquery FETCH d\nquery ROLLBACK",
    ),
    same(
        "rolled back twice",
        "query BEGIN\nquery SAVEPOINT a\nquery ROLLBACK TO a\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery ROLLBACK TO a\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "an error between",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery SAVEPOINT s\nquery FETCH c\nquery {fail}\nquery ROLLBACK TO s\nquery FETCH c\nquery COMMIT",
    ),
    same(
        "going back where it cannot",
        "query BEGIN\nquery DECLARE c NO SCROLL CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nquery FETCH 2 c\nquery SAVEPOINT s\nquery FETCH PRIOR c\nquery ROLLBACK TO s\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "portals made since",
        "query BEGIN\nparse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind before p {book}\nexecute before 1\nsync\nquery SAVEPOINT s\nbind since p {book}\nexecute since 1\nsync\n\
         query ROLLBACK TO s\nexecute before 1\nsync\nexecute since 1\nsync\nquery ROLLBACK",
    ),
    same(
        "portals of a savepoint in a pipeline",
        "run BEGIN\nrun SAVEPOINT s\nparse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nexecute c 1\nrun ROLLBACK TO s\nexecute c 1\nsync\nquery ROLLBACK",
    ),
];

const PROTOCOL: &[Case] = &[
    same(
        "fetch from a portal",
        "query BEGIN\nparse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nexecute c 1\nsync\nquery FETCH 2 FROM c\nquery MOVE c\nquery CLOSE c\nexecute c 0\nsync\nquery ROLLBACK",
    ),
    same(
        "fetch from a portal that has not run",
        "query BEGIN\nparse p SELECT path FROM accounts WHERE book = $1 ORDER BY path\nbind c p {book}\nsync\nquery FETCH 2 FROM c\nexecute c 0\nsync\nquery FETCH PRIOR FROM c\nquery ROLLBACK",
    ),
    same(
        "execute a cursor",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\ndescribe P c\nexecute c 2\nsync\nquery FETCH c\nexecute c 0\nexecute c 0\nclose P c\nsync\nquery FETCH c\nquery ROLLBACK",
    ),
    same(
        "describe a fetch",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT n::int AS n, 'x'::text AS x FROM generate_series(1, 5) AS s(n) ORDER BY n\n\
         parse f FETCH 2 FROM c\ndescribe S f\nbind _ f\ndescribe P _\nexecute _ 0\nbind _ f\nexecute _ 1\nexecute _ 1\nexecute _ 1\nsync\nquery COMMIT",
    ),
    same(
        "describe a fetch from nothing",
        "parse f FETCH 2 FROM c\ndescribe S f\nsync\nquery BEGIN\nbind _ f\nsync\nquery ROLLBACK",
    ),
    same(
        "describe the others",
        "query BEGIN\nparse d DECLARE c CURSOR FOR SELECT 1 AS one\ndescribe S d\nbind _ d\nexecute _ 0\nparse m MOVE c\ndescribe S m\nparse e CLOSE c\ndescribe S e\nsync\nquery COMMIT",
    ),
    same(
        "declare with parameters",
        "query BEGIN\nparse d DECLARE c CURSOR FOR SELECT path FROM accounts WHERE book = $1 ORDER BY path\ndescribe S d\nbind _ d {book}\nexecute _ 0\nsync\nquery FETCH 2 c\nquery COMMIT",
    ),
    same(
        "names are shared",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nparse p SELECT 2 AS two\nbind c p\nsync\nquery ROLLBACK\n\
         query BEGIN\nparse p SELECT 2 AS two\nbind c p\nsync\nquery DECLARE c CURSOR FOR SELECT 1 AS one\nquery ROLLBACK",
    ),
    same(
        "a portal that wrote",
        "query BEGIN\nparse p INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES ('{book}', 'a', 'cash', 'sales', 1), \
         ('{book}', 'b', 'cash', 'sales', 2) RETURNING idempotency_key\nbind c p\nexecute c 1\nsync\nquery FETCH c\nquery FETCH c\nquery COMMIT",
    ),
    same(
        "fetching after an error in the pipeline",
        "query BEGIN\nquery DECLARE c CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS s(n) ORDER BY n\nrun FETCH c\nrun {fail}\nrun FETCH c\nsync\nquery ROLLBACK",
    ),
    same(
        "three portals in turns",
        "query BEGIN\nparse p SELECT n::int AS n FROM generate_series(1, 9) AS s(n) WHERE n <= $1::int ORDER BY n\nbind a p 4\nbind b p 5\nbind c p 6\nexecute a 2\nexecute b 2\nexecute c 2\nsync\n\
         execute b 2\nexecute a 2\nexecute c 9\nsync\nexecute a 1\nexecute b 2\nexecute c 1\nsync\nquery COMMIT",
    ),
];

#[test]
fn cursors_go_forward_as_in_postgres() {
    compare(FORWARD);
}

#[test]
fn cursors_scroll_as_in_postgres() {
    compare(SCROLL);
}

#[test]
fn cursors_are_held_as_in_postgres() {
    compare(HOLD);
}

#[test]
fn savepoints_undo_cursors_and_portals_as_in_postgres() {
    compare(SAVEPOINTS);
}

#[test]
fn cursors_and_portals_are_the_same_thing_as_in_postgres() {
    compare(PROTOCOL);
}
