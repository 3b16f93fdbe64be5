//! node-postgres, the driver most JavaScript programs use: its own tests run in `tests/clients`.

use crate::books::shop;
use tests::node_script;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_postgres_writes_alone_in_pipelines_and_from_a_pool() {
    let (server, _client) = shop().await;
    let said = node_script(&server, "node_client.js").ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}
