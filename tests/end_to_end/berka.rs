//! Real input: 28,205 transfers of a Czech bank in 1993 (the PKDD'99 challenge), loaded by psql.

use crate::books::{rows, told};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tests::{Money, Server, data_dir, psql, psycopg_script};
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

pub(crate) fn load(server: &Server, dir: &Path) -> String {
    let script = format!(
        "INSERT INTO assets (id, class, precision, name) VALUES ('CZK', 'fiat', 2, 'Czech koruna');\n\
         \\copy accounts(book,path,asset,kind) from '{0}/accounts.csv' with (format csv, header)\n\
         \\copy transfers(book,idempotency_key,debit_account,credit_account,asset,amount,occurred_at,metadata) \
         from '{0}/transfers.csv' with (format csv, header)\n",
        dir.display()
    );
    psql(server, &["-v", "ON_ERROR_STOP=1"], &script).ok()
}

fn balances(server: &Server, book: &str) -> BTreeMap<String, String> {
    let query = format!("SELECT path, debits - credits FROM accounts WHERE book = '{book}';");
    let said = psql(server, &["-A", "-t", "-F", ","], &query).ok();
    pairs(said.lines())
}

fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let split = lines.map(|line| line.split_once(',').expect("two columns"));
    split.map(|(path, balance)| (path.to_owned(), balance.to_owned())).collect()
}

fn events(server: &Server) -> String {
    psql(server, &["-A", "-t"], "SELECT count(*), max(seq) FROM events WHERE book = 'berka';").ok()
}

#[test]
fn a_years_transfers_load_balance_and_survive() {
    let Some(dir) = data_dir("berka") else {
        println!("skipped: no data set; set TALLYBOOK_BERKA_DIR to its directory");
        return;
    };
    let expected = std::fs::read_to_string(dir.join("expected-balances.csv")).unwrap();
    let expected = pairs(expected.lines().skip(1));
    let mut server = Server::start();
    assert_eq!(load(&server, &dir), "INSERT 0 1\nCOPY 1156\nCOPY 28205\n");
    assert_eq!(balances(&server, "berka"), expected, "after loading");
    let history = events(&server);
    assert_eq!(history, "29361|29361\n");

    server.kill();
    server = server.start_again();
    assert_eq!(balances(&server, "berka"), expected, "after SIGKILL");
    assert_eq!(events(&server), history);

    load(&server, &dir);
    assert_eq!(events(&server), history, "the same file again adds nothing");
    assert_eq!(balances(&server, "berka"), expected);

    assert!(server.stop("TERM").success());
    server = server.start_again();
    assert_eq!(balances(&server, "berka"), expected, "after a clean stop");
}

/// A line of the file, as an application holds it.
#[derive(Clone)]
struct Transfer {
    key: String,
    debit: String,
    credit: String,
    amount: i128,
    occurred_at: String,
    metadata: serde_json::Value,
}

/// The file has no quotes but around the last column, and none but doubled ones inside.
fn transfers(dir: &Path) -> Vec<Transfer> {
    let text = std::fs::read_to_string(dir.join("transfers.csv")).unwrap();
    let transfer = |line: &str| {
        let columns: Vec<&str> = line.splitn(8, ',').collect();
        let metadata = columns[7].trim_matches('"').replace("\"\"", "\"");
        Transfer {
            key: columns[1].to_owned(),
            debit: columns[2].to_owned(),
            credit: columns[3].to_owned(),
            amount: columns[5].parse().unwrap(),
            occurred_at: columns[6].to_owned(),
            metadata: serde_json::from_str(&metadata).unwrap(),
        }
    };
    text.lines().skip(1).map(transfer).collect()
}

/// The accounts of book `berka` once more, in another book.
async fn open_like_berka(client: &Client, book: &str) {
    let open = format!(
        "INSERT INTO accounts (book, path, asset, kind) \
         SELECT '{book}', path, asset, kind FROM accounts WHERE book = 'berka'"
    );
    assert_eq!(client.execute(&open, &[]).await.unwrap(), 1156);
}

/// As an ORM writes: a block for each transfer, its head first, its two postings behind.
async fn in_blocks(client: Client, book: &'static str, transfers: Arc<Vec<Transfer>>, part: usize) {
    let head = "INSERT INTO transactions (book, idempotency_key, occurred_at, metadata) \
        VALUES ($1, $2, $3::text::timestamptz, $4) RETURNING tx_id";
    let legs = "INSERT INTO postings (tx_id, account, asset, amount, direction) \
        VALUES ($1, $2, 'CZK', $3, 'debit'), ($1, $4, 'CZK', $3, 'credit')";
    let head = client.prepare(head).await.unwrap();
    let legs = client.prepare_typed(legs, &[Type::UUID]).await.unwrap();
    for transfer in transfers.iter().skip(part).step_by(CONNECTIONS) {
        let Transfer { key, debit, credit, amount, occurred_at, metadata } = transfer;
        client.batch_execute("BEGIN").await.unwrap();
        let row = client.query_one(&head, &[&book, key, occurred_at, metadata]).await;
        let tx_id: Uuid = row.unwrap_or_else(|error| panic!("{}", told(&error))).get(0);
        client.execute(&legs, &[&tx_id, debit, &Money(*amount), credit]).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
    }
}

const CONNECTIONS: usize = 16;

/// What a book holds, ids, positions and recorded times aside.
async fn content(client: &Client, book: &str) -> Vec<Vec<String>> {
    let query = format!(
        "SELECT idempotency_key, occurred_at, metadata, external_refs, reverses, postings \
         FROM transactions WHERE book = '{book}' ORDER BY idempotency_key"
    );
    rows(client, &query).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_the_file_is_written_the_books_are_the_same() {
    let Some(dir) = data_dir("berka") else {
        println!("skipped: no data set; set TALLYBOOK_BERKA_DIR to its directory");
        return;
    };
    let server = Server::start();
    let client = server.connect().await;
    load(&server, &dir);

    open_like_berka(&client, "executemany").await;
    let file = dir.join("transfers.csv");
    let arguments = [file.to_str().expect("a path in UTF-8"), "executemany"];
    let many = psycopg_script(&server, "berka_executemany.py", &arguments);
    assert_eq!(many.ok(), "28205\n");

    open_like_berka(&client, "blocks").await;
    let all = Arc::new(transfers(&dir));
    let mut writers = Vec::new();
    for part in 0..CONNECTIONS {
        let connection = server.connect().await;
        writers.push(tokio::spawn(in_blocks(connection, "blocks", all.clone(), part)));
    }
    for writer in writers {
        writer.await.unwrap();
    }

    open_like_berka(&client, "selected").await;
    let select = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        asset, amount, occurred_at, metadata) SELECT 'selected', idempotency_key, debit_account, \
        credit_account, asset, amount, occurred_at, metadata FROM transfers WHERE book = 'berka' \
        ORDER BY seq";
    assert_eq!(client.execute(select, &[]).await.unwrap(), 28_205);

    let expected = std::fs::read_to_string(dir.join("expected-balances.csv")).unwrap();
    let expected = pairs(expected.lines().skip(1));
    let copied = content(&client, "berka").await;
    assert_eq!(copied.len(), 28_205);
    for book in ["berka", "executemany", "blocks", "selected"] {
        assert_eq!(balances(&server, book), expected, "{book}");
        let written = content(&client, book).await;
        let other = written.iter().zip(&copied).find(|(one, other)| one != other);
        assert_eq!((written.len(), other), (copied.len(), None), "{book} and the copied book");
    }
}
