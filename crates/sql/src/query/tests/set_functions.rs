//! Functions and subqueries that give rows, and what catalogs are asked through.

use super::super::fixture::Fixture;
use crate::Fault;

#[tokio::test]
async fn rows_come_from_functions_and_subqueries() {
    let shop = Fixture::shop();
    for (query, answer) in [
        (
            "SELECT ARRAY(SELECT path FROM accounts WHERE book = 'bank' ORDER BY path DESC)",
            "[vault, capital]",
        ),
        ("SELECT ARRAY(SELECT id FROM assets WHERE id = 'no such')", "[]"),
        ("SELECT EXISTS (SELECT 1 FROM assets WHERE id = 'EUR')", "true"),
        ("SELECT NOT EXISTS (SELECT 1 FROM assets WHERE id = 'EUR')", "false"),
        ("SELECT count(*) FROM generate_series(1, array_upper(ARRAY[7, 8, 9], 1)) AS s(n)", "3"),
        ("SELECT sum(n) FROM (SELECT generate_subscripts(ARRAY[7, 8, 9], 1) AS n) s", "6"),
        ("SELECT min(n) FROM (SELECT generate_subscripts(indkey, 1) AS n FROM pg_index) s", "0"),
        (
            "SELECT sum((k).n * (k).x) FROM \
             (SELECT information_schema._pg_expandarray(ARRAY[5, 6]) AS k) s",
            "17",
        ),
        (
            "SELECT c.tableoid::regclass FROM pg_class c \
             WHERE c.relname = 'accounts' AND c.relkind = 'r'",
            "pg_class",
        ),
        ("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pg/_%' ESCAPE '/'", "1"),
        ("SELECT 'accounts'::regclass", "accounts"),
        ("SELECT to_regclass('nothing') IS NULL", "true"),
        ("SELECT to_regtype('numeric')", "1700"),
        ("SELECT 'array_in'::regproc::oid", "750"),
        ("SELECT pg_get_indexdef('accounts_pkey'::regclass, 2, true)", "path"),
        ("SELECT indkey FROM pg_index WHERE indexrelid = 'accounts_pkey'::regclass", "[1, 2]"),
        ("SELECT pg_get_function_result('array_in'::regproc)", "anyarray"),
        ("SELECT count(*) > 400 FROM pg_get_keywords()", "true"),
    ] {
        assert_eq!(shop.rows(query).await, [[answer]], "{query}");
    }
}

#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let shop = Fixture::shop();
    let without = "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
        WHERE c.relkind = 'r' AND c.relnamespace = 2200 AND a.attnum > 0 \
        AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)";
    assert!(shop.rows(without).await.is_empty());
    let same = "SELECT count(*) FROM pg_description d \
        WHERE d.classoid = 'pg_class'::regclass AND d.objsubid > 0 \
        AND d.description = col_description(d.objoid, d.objsubid)";
    let columns: usize = crate::catalog::RELATIONS.iter().map(|each| each.columns.len()).sum();
    assert_eq!(shop.rows(same).await, [[columns.to_string()]]);
}

#[tokio::test]
async fn names_that_nothing_has_are_errors() {
    let shop = Fixture::shop();
    for (query, fault) in [
        ("SELECT 'nothing'::regclass", Fault::UndefinedTable),
        ("SELECT 'nothing'::regtype", Fault::UndefinedObject),
        ("SELECT 'nothing'::regproc", Fault::UndefinedFunction),
        ("SELECT 'lower'::regproc", Fault::AmbiguousFunction),
        ("SELECT 'x' LIKE 'y' ESCAPE 'ab'", Fault::InvalidEscapeSequence),
    ] {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &fault, "{query}: {error:?}");
    }
}
