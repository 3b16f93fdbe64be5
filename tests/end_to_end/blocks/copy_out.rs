//! COPY … TO STDOUT: formats, options and their errors, byte by byte.

use super::{Case, compare, same};

const FORMATS: &[Case] = &[
    same(
        "copy a query",
        "query COPY (SELECT path, asset, min_balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT\n\
         query COPY (SELECT path, asset, min_balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT (FORMAT csv)\n\
         query COPY (SELECT path, asset, min_balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT WITH CSV HEADER\n\
         query COPY (SELECT path, asset, min_balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT (FORMAT text, HEADER)",
    ),
    same(
        "copy escapes",
        "query COPY (SELECT E'a\\tb\\nc\\rd\\\\e\\bf\\fg\\vh\\x01' AS x, 'plain' AS y, NULL AS z, '' AS e) TO STDOUT\n\
         query COPY (SELECT 'a|b' AS x, E't\\tt' AS y) TO STDOUT (DELIMITER '|')\n\
         query COPY (SELECT '\\N' AS x, NULL AS y) TO STDOUT\nquery COPY (SELECT 'null' AS x, NULL AS y) TO STDOUT (NULL 'null')",
    ),
    same(
        "copy csv quotes",
        "query COPY (SELECT 'a,b' AS x, 'say \"hi\"' AS y, E'two\\nlines' AS z, NULL AS n, '' AS e) TO STDOUT CSV\n\
         query COPY (SELECT '\\.' AS x) TO STDOUT CSV\nquery COPY (SELECT '\\.' AS x, 1 AS y) TO STDOUT CSV\nquery COPY (SELECT E'cr\\rhere' AS x) TO STDOUT CSV\n\
         query COPY (SELECT 'a;b' AS x, 'it''s' AS y, 'back\\slash' AS z) TO STDOUT (FORMAT csv, DELIMITER ';', QUOTE '''', ESCAPE '\\')\n\
         query COPY (SELECT 'NULL' AS x, NULL AS y) TO STDOUT (FORMAT csv, NULL 'NULL')",
    ),
    same(
        "copy forced quotes",
        "query COPY (SELECT 'a' AS x, 'b' AS y, NULL AS z) TO STDOUT (FORMAT csv, FORCE_QUOTE (x, z), HEADER)\n\
         query COPY (SELECT 'a' AS x, 'b' AS y, NULL AS z) TO STDOUT (FORMAT csv, FORCE_QUOTE *)\nquery COPY (SELECT 'a' AS x, 'b' AS y) TO STDOUT CSV FORCE QUOTE y\n\
         query COPY (SELECT 'a' AS x) TO STDOUT (FORMAT csv, FORCE_QUOTE (nothing))",
    ),
    same(
        "copy names that need quotes",
        "query COPY (SELECT 1 AS \"a,b\", 2 AS \"say \"\"hi\"\"\") TO STDOUT CSV HEADER\nquery COPY (SELECT 1 AS \"a\\b\") TO STDOUT (HEADER)",
    ),
    same(
        "copy types",
        "query COPY (SELECT true AS a, 1::int2 AS b, 2::int4 AS c, 3::int8 AS d, 4.50::numeric(10,2) AS e, '2026-01-02'::date AS f, \
         '2026-01-02 03:04:05.678+00'::timestamptz AS g, '01890000-0000-7000-8000-000000000001'::uuid AS h, 1.5::float8 AS i) TO STDOUT\n\
         query COPY (SELECT true AS a, 1::int2 AS b, 2::int4 AS c, 3::int8 AS d, 4.50::numeric(10,2) AS e, '2026-01-02'::date AS f, \
         '2026-01-02 03:04:05.678+00'::timestamptz AS g, '01890000-0000-7000-8000-000000000001'::uuid AS h, 1.5::float8 AS i, NULL::text AS j) TO STDOUT (FORMAT binary)",
    ),
    same(
        "copy binary",
        "query COPY (SELECT path, min_balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT BINARY\n\
         query COPY (SELECT path FROM accounts WHERE book = '{book}' AND path = 'nothing') TO STDOUT (FORMAT binary)",
    ),
    same(
        "copy no rows",
        "query COPY (SELECT 1 AS one WHERE false) TO STDOUT\nquery COPY (SELECT 1 AS one WHERE false) TO STDOUT CSV HEADER",
    ),
    same("copy values", "query COPY (VALUES (1, 'a'), (2, NULL)) TO STDOUT CSV"),
    same(
        "copy with a with",
        "query COPY (WITH t AS (SELECT 1 AS one) SELECT one FROM t) TO STDOUT",
    ),
];

const PLACES: &[Case] = &[
    same(
        "copy out in a block",
        "query BEGIN\nquery {post a 1}\nquery COPY (SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT\n\
         other query COPY (SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT\nquery COMMIT",
    ),
    same(
        "copy out in a failed block",
        "query BEGIN\nquery {fail}\nquery COPY (SELECT 1 AS one) TO STDOUT\nquery ROLLBACK",
    ),
    same(
        "copy out in a query of several",
        "query SELECT 1 AS one; COPY (SELECT 2 AS two) TO STDOUT; SELECT 3 AS three\nquery {post a 1}; COPY (SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT",
    ),
    same(
        "copy out in the extended protocol",
        "run COPY (SELECT 1 AS one) TO STDOUT\nsync\nparse c COPY (SELECT path FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT CSV\ndescribe S c\nbind _ c\ndescribe P _\nexecute _ 1\nexecute _ 1\nsync\n\
         run {post a 1}\nrun COPY (SELECT path, balance FROM accounts WHERE book = '{book}' ORDER BY path) TO STDOUT\nrun {post b 2}\nsync",
    ),
    same(
        "copy out that fails",
        "query COPY (SELECT 1 / (3 - n) AS x FROM generate_series(3, 3) AS s(n)) TO STDOUT\nquery SELECT 1 AS one\nrun COPY (SELECT 1 / (3 - n) AS x FROM generate_series(3, 3) AS s(n)) TO STDOUT\nrun SELECT 1 AS one\nsync",
    ),
    same(
        "copy a table with columns",
        "query BEGIN\nquery {post a 1}\nquery COMMIT\nother query SELECT 1 AS one\nquery COPY (SELECT idempotency_key, amount FROM transfers WHERE book = '{book}') TO STDOUT",
    ),
    same(
        "copy out in a read only block",
        "query BEGIN READ ONLY\nquery COPY (SELECT 1 AS one) TO STDOUT\nquery COMMIT",
    ),
];

const REFUSED: &[Case] = &[
    same(
        "copy what is not there",
        "query COPY nothing TO STDOUT\nquery COPY accounts (nothing) TO STDOUT\nquery COPY accounts (path, path) TO STDOUT\nquery COPY (SELECT nothing FROM accounts) TO STDOUT",
    ),
    same(
        "copy options that do not go together",
        "query COPY (SELECT 1) TO STDOUT (FORMAT csv, FORCE_NOT_NULL (a))\nquery COPY (SELECT 1) TO STDOUT (FORMAT csv, FORCE_NULL (a))\n\
         query COPY (SELECT 1) TO STDOUT (FORCE_QUOTE *)\nquery COPY (SELECT 1) TO STDOUT (QUOTE '\"')\nquery COPY (SELECT 1) TO STDOUT (ESCAPE '\"')\n\
         query COPY (SELECT 1) TO STDOUT (FORMAT csv, HEADER match)\nquery COPY (SELECT 1) TO STDOUT (FORMAT binary, HEADER)\nquery COPY (SELECT 1) TO STDOUT (FORMAT binary, DELIMITER ',')\n\
         query COPY (SELECT 1) TO STDOUT (FORMAT binary, NULL '')\nquery COPY (SELECT 1) TO STDOUT (FORMAT xml)\nquery COPY (SELECT 1) TO STDOUT (FORMAT csv, FORMAT csv)\n\
         query COPY (SELECT 1) TO STDOUT (NONSENSE)\nquery COPY (SELECT 1) TO STDOUT (DELIMITER 'ab')\nquery COPY (SELECT 1) TO STDOUT (DELIMITER 'a')\nquery COPY (SELECT 1) TO STDOUT (NULL E'\\n')\n\
         query COPY (SELECT 1) TO STDOUT (FORMAT csv, QUOTE ',')\nquery COPY (SELECT 1) TO STDOUT (FORMAT csv, NULL '\"')\nquery COPY (SELECT 1) TO STDOUT (HEADER 2)",
    ),
    same(
        "copy syntax",
        "query COPY (SELECT 1) FROM STDIN\nquery COPY accounts TO\nquery COPY TO STDOUT\nquery COPY (SELECT 1 TO STDOUT\nquery COPY () TO STDOUT\nquery COPY accounts TO STDOUT WHERE true",
    ),
];

#[test]
fn copied_data_is_written_as_by_postgres() {
    compare(FORMATS);
}

#[test]
fn copying_out_takes_its_place_among_messages_as_in_postgres() {
    compare(PLACES);
}

#[test]
fn copying_out_is_refused_as_by_postgres() {
    compare(REFUSED);
}
