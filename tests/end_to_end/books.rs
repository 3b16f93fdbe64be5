//! What most tests begin with: assets and accounts, and short ways to post.

use tests::{Money, Server};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// `USD` (2 decimals), `EUR` (2) and `ETH` (18).
pub(crate) const ASSETS: &str = "INSERT INTO assets (id, class, network, precision, name) VALUES \
    ('USD', 'fiat', NULL, 2, 'US dollar'), ('EUR', 'fiat', NULL, 2, 'Euro'), \
    ('ETH', 'crypto', 'ethereum', 18, 'Ether')";

/// Book `shop`: cash and sales in dollars, a euro till, a wallet that must not fall below zero.
pub(crate) const ACCOUNTS: &str = "INSERT INTO accounts (book, path, asset, kind, min_balance) \
    VALUES ('shop', 'cash', 'USD', 'asset', NULL), ('shop', 'sales', 'USD', 'income', NULL), \
    ('shop', 'till:eur', 'EUR', 'asset', NULL), ('shop', 'wallet', 'USD', 'liability', 0)";

pub(crate) const TRANSFER: &str = "INSERT INTO transfers \
    (book, idempotency_key, debit_account, credit_account, amount) VALUES ($1, $2, $3, $4, $5) \
    RETURNING tx_id, seq, deduplicated";

/// A server with the book `shop`, and a client.
pub(crate) async fn shop() -> (Server, Client) {
    let server = Server::start();
    let client = server.connect().await;
    client.simple_query(ASSETS).await.unwrap();
    client.simple_query(ACCOUNTS).await.unwrap();
    (server, client)
}

/// A transfer in the book `shop`; its seq.
pub(crate) async fn transfer(
    client: &Client,
    key: &str,
    debit: &str,
    credit: &str,
    amount: i128,
) -> Result<i64, Error> {
    let row = client.query_one(TRANSFER, &[&"shop", &key, &debit, &credit, &Money(amount)]).await?;
    row.try_get("seq")
}

/// The rows of a simple query as text; `NULL` for null.
pub(crate) async fn rows(client: &Client, query: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(query).await;
    let messages = messages.unwrap_or_else(|error| panic!("{query}: {}", told(&error)));
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| {
        (0..row.len()).map(|index| row.get(index).unwrap_or("NULL").to_owned()).collect()
    })
    .collect()
}

/// The only value of a simple query as text.
pub(crate) async fn value(client: &Client, query: &str) -> String {
    let rows = rows(client, query).await;
    assert!(rows.len() == 1 && rows[0].len() == 1, "{query}: {rows:?}");
    rows[0][0].clone()
}

/// What the server said about an error.
pub(crate) fn told(error: &Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} {error:?}", error.code().code()),
        None => format!("not from the server: {error}"),
    }
}

/// The SQLSTATE of an error, or what else went wrong.
pub(crate) fn sqlstate(error: &Error) -> String {
    error.code().map_or_else(|| format!("{error:?}"), |code| code.code().to_owned())
}
