//! pgJDBC, below nearly everything that is written in Java: its own tests run in `tests/clients`.

use crate::books::shop;
use tests::jdbc_script;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_writes_in_blocks_and_batches_and_copies() {
    let (server, _client) = shop().await;
    let said = jdbc_script(&server, "JdbcClient.java", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_finds_tables_columns_keys_and_types() {
    let (server, _client) = shop().await;
    let said = jdbc_script(&server, "JdbcMetadata.java", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}
