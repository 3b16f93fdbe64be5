//! asyncpg, which prepares everything and speaks binary only: its own tests run in `tests/clients`.

use crate::books::shop;
use tests::psycopg_script;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asyncpg_reads_writes_and_keeps_types() {
    let (server, _client) = shop().await;
    let said = psycopg_script(&server, "asyncpg_client.py", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}
