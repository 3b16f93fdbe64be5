//! SQLAlchemy on psycopg and asyncpg: reflection, Core, the ORM: its own tests run in `tests/clients`.

use crate::books::shop;
use tests::psycopg_script;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlalchemy_reflects_selects_and_posts() {
    let (server, _client) = shop().await;
    let said = psycopg_script(&server, "sqlalchemy_client.py", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}
