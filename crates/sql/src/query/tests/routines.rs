//! The ledger's own functions in the catalogs: as psql and JDBC list them, and as they answer.

use super::super::fixture::Fixture;
use crate::PgType;
use crate::catalog::FUNCTIONS;

#[tokio::test]
async fn functions_are_listed_as_psql_asks() {
    let shop = Fixture::shop();
    let listed = shop
        .rows(
            "SELECT n.nspname, p.proname, pg_catalog.pg_get_function_result(p.oid),
                    pg_catalog.pg_get_function_arguments(p.oid), l.lanname,
                    pg_catalog.obj_description(p.oid, 'pg_proc') IS NOT NULL,
                    p.oid::pg_catalog.regprocedure
               FROM pg_catalog.pg_proc p
               LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
               LEFT JOIN pg_catalog.pg_language l ON l.oid = p.prolang
              WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
              ORDER BY 1, 2, 4",
        )
        .await;
    let seen = |row: &Vec<String>| (row[1].clone(), row[3].clone(), row[4].clone(), row[6].clone());
    let accounts = listed[0][2].clone();
    assert!(
        accounts.starts_with("TABLE(book text, path text, asset text,")
            && accounts.contains("balance numeric, ")
            && accounts.ends_with("opened_at timestamp with time zone)"),
        "{accounts}"
    );
    let expected = [
        ("accounts_at", "book text, t timestamp with time zone", "sql"),
        ("accounts_at_lsn", "book text, lsn bigint", "sql"),
        ("format_amount", "amount numeric, asset text", "internal"),
        ("path_prefixes", "path text", "internal"),
        ("trial_balance_at", "book text, t timestamp with time zone", "sql"),
        ("trial_balance_at_lsn", "book text, lsn bigint", "sql"),
        ("trial_balance_on", "book text, day date", "sql"),
    ];
    let types = |arguments: &str| {
        let types = arguments.split(", ").map(|each| each.split_once(' ').unwrap().1);
        types.collect::<Vec<_>>().join(", ")
    };
    let expected = expected.map(|(name, arguments, language)| {
        let signature = format!("{name}({})", types(arguments));
        (name.to_owned(), arguments.to_owned(), language.to_owned(), signature)
    });
    assert_eq!(listed.iter().map(seen).collect::<Vec<_>>(), expected);
    assert!(listed.iter().all(|row| row[0] == "public" && row[5] == "true"), "{listed:?}");
    assert_eq!(listed[2][2], "text");
    assert_eq!(listed[6][2], "TABLE(book text, asset text, debits numeric, credits numeric)");
    let definition = shop.value("SELECT pg_get_functiondef(16705::oid)").await;
    assert!(
        definition.starts_with("CREATE OR REPLACE FUNCTION public.trial_balance_on(book text, day")
            && definition.contains("FROM public.postings"),
        "{definition}"
    );
}

#[tokio::test]
async fn functions_give_what_the_catalogs_say() {
    let shop = Fixture::shop();
    for function in &FUNCTIONS {
        let arguments = function.parameters.iter().map(|(_, pg_type)| match pg_type {
            PgType::Text => "'shop'",
            PgType::Int8 => "7",
            PgType::Numeric => "NULL",
            PgType::Date => "date '1993-01-02'",
            _ => "'1993-01-02'",
        });
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        let text = match function.body() {
            Some(_) => format!("SELECT * FROM {}({arguments}) LIMIT 0", function.name),
            None => format!("SELECT {}({arguments})", function.name),
        };
        let answered = shop.ask(&text).await;
        let columns = answered.unwrap_or_else(|error| panic!("{text}: {error:?}")).columns;
        let given: Vec<(&str, PgType)> =
            columns.iter().map(|column| (column.name.as_str(), column.pg_type)).collect();
        match function.body() {
            Some(_) => assert_eq!(given, function.columns(), "{text}"),
            None => {
                let asked = format!("SELECT prorettype FROM pg_proc WHERE oid = {}", function.oid);
                let oid = shop.value(&asked).await;
                assert_eq!(given[0].1.oid().to_string(), oid, "{text}");
            }
        }
    }
}

#[tokio::test]
async fn routines_are_in_the_words_of_the_standard() {
    let shop = Fixture::shop();
    let routines = shop
        .rows(
            "SELECT routine_name, data_type, external_language FROM information_schema.routines
              WHERE routine_schema = 'public' AND routine_name LIKE 'p%' OR specific_name = 'abs_1397'
              ORDER BY 1",
        )
        .await;
    assert_eq!(routines, [["abs", "integer", "INTERNAL"], ["path_prefixes", "ARRAY", "INTERNAL"]]);
}
