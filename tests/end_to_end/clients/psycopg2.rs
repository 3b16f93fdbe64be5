//! psycopg 2, which many older Python programs use: its own tests run in `tests/clients`.

use crate::books::shop;
use tests::psycopg_script;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psycopg2_reads_writes_and_keeps_types() {
    let (server, _client) = shop().await;
    let said = psycopg_script(&server, "psycopg2_client.py", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}
