//! psycopg 3, the driver most Python programs use: its own tests run in `tests/clients`.

use crate::books::shop;
use tests::psycopg_script;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psycopg_reads_writes_and_knows_the_errors() {
    let (server, _client) = shop().await;
    let finished = psycopg_script(&server, "psycopg_client.py", &[]);
    let said = finished.ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}
