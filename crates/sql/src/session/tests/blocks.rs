//! Blocks that write: what they answer, what they see, what they leave behind.

use super::*;

const TRANSACTIONS: &str = "SELECT idempotency_key FROM transactions ORDER BY idempotency_key";
const CASH: &str = "SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash'";

fn sale(key: &str, amount: i64) -> String {
    format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         VALUES ('shop', '{key}', 'cash', 'sales', {amount})"
    )
}

/// Takes money out of the till, which must not go below zero.
fn spend(key: &str, amount: i64) -> String {
    sale(key, amount).replace("'cash', 'sales'", "'sales', 'till'")
}

impl Fixture {
    async fn rows(&mut self, text: &str) -> Vec<String> {
        self.run(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}")).rows
    }

    async fn all(&mut self, statements: &[&str]) {
        for statement in statements {
            self.rows(statement).await;
        }
    }

    /// A second session on the same ledger.
    fn neighbour(&self) -> Session {
        connect(&self.engine)
    }
}

async fn other(session: &mut Session, text: &str) -> Result<Seen> {
    let statement = session.parse(text)?.remove(0);
    let prepared = session.prepare(statement, &[]).await?;
    seen(session.execute_alone(&prepared, &[]).await?).await
}

#[tokio::test]
async fn a_block_sees_its_writes_and_nobody_else_does_before_it_commits() {
    let mut shop = shop().await;
    let mut neighbour = shop.neighbour();
    shop.rows("BEGIN").await;
    let returning = format!("{} RETURNING seq, committed_at, idempotency_key", sale("k1", 700));
    assert_eq!(shop.rows(&returning).await, ["∅|∅|k1"]);
    shop.rows(
        "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'new', 'CZK', 'asset')",
    )
    .await;
    assert_eq!(shop.rows(CASH).await, ["700"]);
    assert_eq!(shop.rows(TRANSACTIONS).await, ["k1"]);
    let postings = "SELECT account, amount, seq, balance_after FROM postings ORDER BY idx";
    assert_eq!(shop.rows(postings).await, ["cash|700|∅|700", "sales|700|∅|700"]);
    assert_eq!(
        shop.rows("SELECT path, opened_seq FROM accounts WHERE path = 'new'").await,
        ["new|∅"]
    );
    assert!(other(&mut neighbour, TRANSACTIONS).await.unwrap().rows.is_empty());
    assert_eq!(shop.run("COMMIT").await.unwrap().tag, "COMMIT");
    assert_eq!(other(&mut neighbour, TRANSACTIONS).await.unwrap().rows, ["k1"]);
    assert_eq!(other(&mut neighbour, CASH).await.unwrap().rows, ["700"]);
    // One frame: one time for all of it.
    assert_eq!(shop.rows("SELECT DISTINCT at FROM events WHERE seq > 3").await.len(), 1);
}

#[tokio::test]
async fn a_rolled_back_block_never_was() {
    let mut shop = shop().await;
    shop.all(&["BEGIN", &sale("k1", 700), "ROLLBACK"]).await;
    assert!(shop.rows(TRANSACTIONS).await.is_empty());
    // Its key is free for other content.
    shop.rows(&sale("k1", 5)).await;
    assert_eq!(shop.rows(CASH).await, ["5"]);
}

#[tokio::test]
async fn a_transaction_is_assembled_from_its_postings() {
    let mut shop = shop().await;
    shop.rows("BEGIN").await;
    let begun = "INSERT INTO transactions (book, idempotency_key, metadata) \
                 VALUES ('shop', 'k1', '{\"order\": 7}') RETURNING tx_id";
    let tx_id = shop.rows(begun).await.remove(0);
    let leg = |account: &str, direction: &str, amount: i64| {
        format!(
            "INSERT INTO postings (tx_id, account, direction, amount) \
             VALUES ('{tx_id}', '{account}', '{direction}', {amount}) RETURNING idx, asset"
        )
    };
    assert_eq!(shop.rows(&leg("cash", "debit", 900)).await, ["0|CZK"]);
    assert_eq!(shop.rows(CASH).await, ["900"], "legs count as they come");
    assert_eq!(shop.rows(&leg("sales", "credit", 400)).await, ["1|CZK"]);
    assert_eq!(shop.rows(&leg("till", "credit", 500)).await, ["2|CZK"]);
    // The till stands at -500 below its minimum 0, which is checked when the block commits.
    let below = shop.fault("COMMIT").await;
    assert!(
        matches!(below.fault(), Fault::Rejected(Rejection::BelowMinBalance { .. })),
        "{below:?}"
    );
    assert_eq!(shop.session.status(), BlockStatus::Idle);
    assert!(shop.rows(TRANSACTIONS).await.is_empty());

    shop.rows("BEGIN").await;
    let tx_id = shop.rows(begun).await.remove(0);
    let both = format!(
        "INSERT INTO postings (tx_id, idx, book, account, direction, amount) VALUES \
         ('{tx_id}', 0, 'shop', 'cash', 'debit', 900), ('{tx_id}', 1, 'shop', 'sales', 'credit', 900)"
    );
    assert_eq!(shop.run(&both).await.unwrap().tag, "INSERT 0 2");
    shop.rows("COMMIT").await;
    assert_eq!(shop.rows("SELECT tx_id, metadata FROM transactions").await.len(), 1);
    assert_eq!(shop.rows(CASH).await, ["900"]);

    // The same block again is a replay, found when it commits.
    shop.rows("BEGIN").await;
    let again = shop.rows(begun).await.remove(0);
    shop.run(&both.replace(&tx_id, &again)).await.unwrap();
    assert_eq!(shop.run("COMMIT").await.unwrap().tag, "COMMIT");
    assert_eq!(shop.rows(CASH).await, ["900"]);
}

#[tokio::test]
async fn an_unbalanced_or_empty_transaction_fails_its_commit() {
    let mut shop = shop().await;
    let begun = "INSERT INTO transactions (book, idempotency_key, tx_id) VALUES \
                 ('shop', 'k', '00000000-0000-7000-8000-000000000001')";
    let leg = "INSERT INTO postings (tx_id, account, direction, amount) \
               VALUES ('00000000-0000-7000-8000-000000000001', 'cash', 'debit', 5)";
    for statements in [vec![begun], vec![begun, leg]] {
        shop.rows("BEGIN").await;
        shop.all(&statements).await;
        let failed = shop.fault("COMMIT").await;
        assert!(matches!(failed.fault(), Fault::Rejected(_)), "{failed:?}");
        assert_eq!(shop.session.status(), BlockStatus::Idle);
    }
    assert!(shop.rows(TRANSACTIONS).await.is_empty());
}

#[tokio::test]
async fn postings_are_checked_as_they_come() {
    let mut shop = shop().await;
    let tx_id = "00000000-0000-7000-8000-000000000001";
    let begun = format!(
        "INSERT INTO transactions (book, idempotency_key, tx_id) VALUES ('shop', 'k', '{tx_id}')"
    );
    let leg = |rest: &str| {
        format!(
            "INSERT INTO postings (tx_id, account, direction, amount, asset) VALUES ('{tx_id}', {rest})"
        )
    };
    shop.all(&["BEGIN", &begun]).await;
    type Expected = fn(&Fault) -> bool;
    let cases: [(&str, Expected); 6] = [
        ("'nobody', 'debit', 5, NULL", |fault| {
            matches!(fault, Fault::Rejected(Rejection::UnknownAccount { .. }))
        }),
        ("'cash', 'debit', 0, NULL", |fault| {
            matches!(fault, Fault::Rejected(Rejection::AmountNotPositive { .. }))
        }),
        ("'cash', 'debit', 5, 'EUR'", |fault| {
            matches!(fault, Fault::Rejected(Rejection::AssetMismatch { .. }))
        }),
        ("'cash', 'left', 5, NULL", |fault| *fault == Fault::InvalidTextRepresentation),
        ("'cash', NULL, 5, NULL", |fault| *fault == Fault::NotNullViolation),
        ("'cash', 'debit', 1.5, NULL", |fault| *fault == Fault::NumericValueOutOfRange),
    ];
    for (rest, expected) in cases {
        shop.rows("SAVEPOINT s").await;
        let refused = shop.fault(&leg(rest)).await;
        assert!(expected(refused.fault()), "{rest}: {refused:?}");
        shop.rows("ROLLBACK TO s").await;
    }
    let unknown = leg("'cash', 'debit', 5, NULL").replace("000001'", "000002'");
    assert_eq!(*shop.fault(&unknown).await.fault(), Fault::UnknownTransaction);
    shop.rows("ROLLBACK").await;
    shop.rows(&sale("posted", 5)).await;
    let posted = shop.rows("SELECT tx_id FROM transactions").await.remove(0);
    let late = leg("'cash', 'debit', 5, NULL").replace(tx_id, &posted);
    assert_eq!(*shop.fault(&late).await.fault(), Fault::ObjectNotInPrerequisiteState);
}

#[tokio::test]
async fn savepoints_take_back_what_came_after_them() {
    let mut shop = shop().await;
    shop.all(&["BEGIN", &sale("k1", 1), "SAVEPOINT a", &sale("k2", 2), "SAVEPOINT b"]).await;
    shop.rows(&sale("k3", 4)).await;
    assert_eq!(shop.rows(CASH).await, ["7"]);
    shop.rows("ROLLBACK TO b").await;
    assert_eq!(shop.rows(CASH).await, ["3"]);
    shop.rows("ROLLBACK TO SAVEPOINT a").await;
    assert_eq!(shop.rows(TRANSACTIONS).await, ["k1"]);
    assert_eq!(*shop.fault("RELEASE b").await.fault(), Fault::InvalidSavepoint);
    // The failure took the block with it; the savepoint brings it back.
    assert_eq!(*shop.fault("SELECT 1").await.fault(), Fault::InFailedBlock);
    shop.all(&["ROLLBACK TO a", &sale("k2", 8), "RELEASE a", "COMMIT"]).await;
    assert_eq!(shop.rows(TRANSACTIONS).await, ["k1", "k2"]);
    assert_eq!(shop.rows(CASH).await, ["9"]);
    for statement in ["SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"] {
        assert_eq!(*shop.fault(statement).await.fault(), Fault::NoActiveBlock, "{statement}");
    }
}

#[tokio::test]
async fn a_savepoint_takes_back_settings_too() {
    let mut shop = shop().await;
    shop.all(&["BEGIN", "SET a.b = 'one'", "SAVEPOINT s", "SET a.b = 'two'", "ROLLBACK TO s"])
        .await;
    assert_eq!(shop.rows("SHOW a.b").await, ["one"]);
    shop.rows("SET a.b = 'three'").await;
    shop.fault("SELECT 1/0").await;
    shop.rows("ROLLBACK TO s").await;
    assert_eq!(shop.rows("SHOW a.b").await, ["one"]);
    shop.rows("COMMIT").await;
    assert_eq!(shop.rows("SHOW a.b").await, ["one"]);
}

#[tokio::test]
async fn a_block_is_checked_where_it_writes_and_again_where_it_commits() {
    let mut shop = shop().await;
    let mut neighbour = shop.neighbour();
    shop.rows("BEGIN").await;
    let refused = shop.fault(&spend("k1", 5)).await;
    assert!(matches!(refused.fault(), Fault::Rejected(Rejection::BelowMinBalance { .. })));
    shop.rows("ROLLBACK").await;

    other(&mut neighbour, &sale("fill", 10).replace("'cash'", "'till'")).await.unwrap();
    shop.all(&["BEGIN", &spend("k1", 8)]).await;
    // Somebody else is faster.
    other(&mut neighbour, &spend("k2", 8)).await.unwrap();
    let late = shop.fault("COMMIT").await;
    assert!(matches!(late.fault(), Fault::Rejected(Rejection::BelowMinBalance { .. })), "{late:?}");
    assert_eq!(shop.rows(TRANSACTIONS).await, ["fill", "k2"]);
}

#[tokio::test]
async fn a_replay_in_a_block_gives_the_original() {
    let mut shop = shop().await;
    let original = shop.rows(&format!("{} RETURNING tx_id, seq", sale("k1", 5))).await;
    shop.rows("BEGIN").await;
    let again = format!("{} RETURNING tx_id, seq, deduplicated", sale("k1", 5));
    assert_eq!(shop.rows(&again).await, [format!("{}|true", original[0])]);
    let first = shop.rows(&format!("{} RETURNING tx_id", sale("k2", 5))).await;
    let second = shop.rows(&format!("{} RETURNING tx_id, seq, deduplicated", sale("k2", 5))).await;
    assert_eq!(second, [format!("{}|∅|true", first[0])]);
    let conflict = shop.fault(&sale("k2", 6)).await;
    assert!(
        matches!(conflict.fault(), Fault::Rejected(Rejection::IdempotencyKeyConflict { .. })),
        "{conflict:?}"
    );
    shop.rows("ROLLBACK").await;
    assert_eq!(shop.rows(CASH).await, ["5"]);
}

#[tokio::test]
async fn what_a_block_cannot_show_is_refused() {
    let mut shop = shop().await;
    for table in ["events", "books"] {
        shop.rows("BEGIN").await;
        shop.rows(&format!("SELECT count(*) FROM {table}")).await;
        shop.rows(&sale("k", 5)).await;
        let refused = shop.fault(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(*refused.fault(), Fault::FeatureNotSupported, "{table}");
        shop.rows("ROLLBACK").await;
    }
}

#[tokio::test]
async fn read_only_blocks_write_nothing() {
    let mut shop = shop().await;
    for begin in ["BEGIN READ ONLY", "BEGIN; SET TRANSACTION READ ONLY"] {
        for statement in begin.split("; ") {
            shop.rows(statement).await;
        }
        assert_eq!(*shop.fault(&sale("k", 5)).await.fault(), Fault::ReadOnly);
        shop.rows("ROLLBACK").await;
    }
}

#[tokio::test]
async fn serializable_blocks_do_not_rest_on_what_has_moved() {
    let mut shop = shop().await;
    let mut neighbour = shop.neighbour();
    let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    shop.all(&[begin, CASH, &sale("k1", 1)]).await;
    other(&mut neighbour, &sale("k2", 2)).await.unwrap();
    assert_eq!(shop.rows(CASH).await, ["1"], "the cut is the block's");
    let moved = shop.fault("COMMIT").await;
    assert!(matches!(moved.fault(), Fault::Commit(store::CommitError::Moved { .. })), "{moved:?}");
    assert_eq!(shop.rows(TRANSACTIONS).await, ["k2"]);
    // What it has not read may move; and alone it commits.
    shop.all(&[begin, &sale("k3", 4)]).await;
    other(&mut neighbour, &sale("k4", 8)).await.unwrap();
    shop.all(&["COMMIT", begin, CASH, &sale("k5", 16), "COMMIT"]).await;
    assert_eq!(shop.rows(CASH).await, ["30"]);
}

#[tokio::test]
async fn copied_rows_belong_to_their_block() {
    let mut shop = shop().await;
    let copy = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) \
                FROM STDIN";
    shop.rows("BEGIN").await;
    assert_eq!(shop.copy(copy, "shop\tk1\tcash\tsales\t5\n").await.unwrap(), "COPY 1");
    assert_eq!(shop.rows(CASH).await, ["5"]);
    shop.rows("ROLLBACK").await;
    assert_eq!(shop.rows(CASH).await, ["0"]);
    shop.rows("BEGIN").await;
    let refused = shop.copy(copy, "shop\tk1\tcash\tsales\t5\nshop\tk2\tcash\tnobody\t5\n").await;
    assert!(refused.unwrap_err().context().unwrap().contains("line 2"));
    assert_eq!(shop.session.status(), BlockStatus::Failed);
}

#[tokio::test]
async fn statements_are_prepared_in_sql() {
    let mut shop = shop().await;
    let prepare = "PREPARE post (text, numeric) AS INSERT INTO transfers \
                   (book, idempotency_key, debit_account, credit_account, amount) \
                   VALUES ('shop', $1, 'cash', 'sales', $2) RETURNING idempotency_key";
    assert_eq!(shop.run(prepare).await.unwrap().tag, "PREPARE");
    assert_eq!(*shop.fault(prepare).await.fault(), Fault::DuplicateStatement);
    assert_eq!(shop.rows("EXECUTE post ('k' || 1, 2 + 3)").await, ["k1"]);
    assert_eq!(shop.rows(CASH).await, ["5"]);
    let wrong = shop.fault("EXECUTE post ('k2')").await;
    assert!(wrong.detail().unwrap().contains("Expected 2 parameters but got 1"), "{wrong:?}");
    shop.rows("PREPARE read AS SELECT balance + $1 FROM accounts WHERE path = 'cash'").await;
    assert_eq!(shop.rows("EXECUTE read (1)").await, ["6"]);
    assert_eq!(shop.run("DEALLOCATE post").await.unwrap().tag, "DEALLOCATE");
    for gone in ["EXECUTE post ('k3', 1)", "DEALLOCATE post"] {
        assert_eq!(*shop.fault(gone).await.fault(), Fault::UndefinedStatement, "{gone}");
    }
    shop.rows("DEALLOCATE ALL").await;
    assert_eq!(*shop.fault("EXECUTE read (1)").await.fault(), Fault::UndefinedStatement);
    assert_eq!(*shop.fault("PREPARE x AS BEGIN").await.fault(), Fault::SyntaxError);
}

#[tokio::test]
async fn on_conflict_means_the_same_inside_a_block_and_outside() {
    let mut shop = shop().await;
    let tx_id = "00000000-0000-7000-8000-000000000001";
    let post = |amount: i64, target: &str| {
        format!(
            "INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, \
             amount) VALUES ('{tx_id}', 'shop', 'k1', 'cash', 'sales', {amount}) \
             ON CONFLICT {target} DO NOTHING"
        )
    };
    let begin = "INSERT INTO transactions (book, idempotency_key) VALUES ('shop', 'k1') \
                 ON CONFLICT DO NOTHING RETURNING tx_id";
    assert_eq!(shop.run(&post(5, "")).await.unwrap().tag, "INSERT 0 1");
    for block in [false, true] {
        if block {
            shop.rows("BEGIN").await;
        }
        // Key and id are both taken by other content.
        for target in ["", "(tx_id)", "(book, idempotency_key)"] {
            assert_eq!(shop.run(&post(6, target)).await.unwrap().tag, "INSERT 0 0", "{target}");
        }
    }
    assert_eq!(shop.run(begin).await.unwrap().tag, "INSERT 0 0");
    shop.rows(&begin.replace("k1", "k2")).await;
    assert_eq!(shop.run(&begin.replace("k1", "k2")).await.unwrap().tag, "INSERT 0 0");
    shop.rows("ROLLBACK").await;
}

#[tokio::test]
async fn a_serializable_block_rests_on_what_an_update_showed_it() {
    let mut shop = shop().await;
    let mut neighbour = shop.neighbour();
    let update = "UPDATE accounts SET closed = false WHERE book = 'shop' AND path = 'cash' \
                  RETURNING balance";
    shop.rows("BEGIN ISOLATION LEVEL SERIALIZABLE").await;
    assert_eq!(shop.rows(update).await, ["0"]);
    other(&mut neighbour, &sale("k1", 7)).await.unwrap();
    assert_eq!(shop.rows(update).await, ["0"], "it stays at its cut");
    shop.rows(&sale("k2", 1)).await;
    let moved = shop.fault("COMMIT").await;
    assert!(matches!(moved.fault(), Fault::Commit(store::CommitError::Moved { .. })), "{moved:?}");
}

#[tokio::test]
async fn modes_and_settings_of_implicit_blocks_hold_to_their_end() {
    let mut shop = shop().await;
    let statement = |shop: &Fixture, text: &str| shop.session.parse(text).unwrap().remove(0);
    for (set, write) in [("SET TRANSACTION READ ONLY", sale("k", 5))] {
        for text in [set, &write] {
            let parsed = statement(&shop, text);
            let prepared = shop.session.prepare(parsed, &[]).await.unwrap();
            let answer = shop.session.execute(&prepared, &[]).await;
            if text == write {
                assert_eq!(*answer.unwrap_err().fault(), Fault::ReadOnly);
            }
        }
    }
    shop.session.fail_block();
    shop.rows(&sale("k", 5)).await;
    shop.all(&["BEGIN READ ONLY", "SAVEPOINT s"]).await;
    let late = shop.fault("SET TRANSACTION READ WRITE").await;
    assert_eq!(*late.fault(), Fault::ActiveBlock);
}

#[tokio::test]
async fn a_query_is_no_argument_of_execute() {
    let mut shop = shop().await;
    shop.rows("PREPARE p (int) AS SELECT $1").await;
    let refused = shop.fault("EXECUTE p ((SELECT count(*) FROM transactions))").await;
    assert_eq!(*refused.fault(), Fault::FeatureNotSupported);
}

#[tokio::test]
async fn what_another_session_commits_meanwhile_is_shown_once() {
    let mut shop = shop().await;
    let mut neighbour = shop.neighbour();
    shop.all(&["BEGIN", &sale("k1", 5), "SAVEPOINT s", &sale("k2", 1)]).await;
    other(&mut neighbour, &sale("k1", 5)).await.unwrap();
    assert_eq!(shop.rows(TRANSACTIONS).await, ["k1", "k2"]);
    assert_eq!(shop.rows(CASH).await, ["6"]);
    shop.rows("ROLLBACK TO s").await;
    assert_eq!(shop.rows(CASH).await, ["5"]);
    shop.all(&[&sale("k3", 2), "COMMIT"]).await;
    assert_eq!(shop.rows(TRANSACTIONS).await, ["k1", "k3"]);
    assert_eq!(shop.rows(CASH).await, ["7"]);
}

fn begun(key: &str, tx_id: u32) -> String {
    format!(
        "INSERT INTO transactions (book, idempotency_key, tx_id) VALUES \
         ('shop', '{key}', '00000000-0000-7000-8000-{tx_id:012}')"
    )
}

fn legs(tx_id: u32, amount: i64) -> String {
    let id = format!("00000000-0000-7000-8000-{tx_id:012}");
    format!(
        "INSERT INTO postings (tx_id, account, direction, amount) VALUES \
         ('{id}', 'cash', 'debit', {amount}), ('{id}', 'sales', 'credit', {amount})"
    )
}

#[tokio::test]
async fn a_key_used_meanwhile_is_shown_once_while_its_transaction_is_assembled() {
    // When the other session commits: before the transaction is begun, before its postings come,
    // after them.
    for meanwhile in 0..3 {
        let mut shop = shop().await;
        let mut neighbour = shop.neighbour();
        let steps = [begun("k1", 1), legs(1, 5)];
        shop.all(&["BEGIN", &sale("k0", 1), "SAVEPOINT s"]).await;
        for (step, text) in steps.iter().enumerate() {
            if step == meanwhile {
                other(&mut neighbour, &sale("k1", 5)).await.unwrap();
            }
            shop.rows(text).await;
        }
        if meanwhile == 2 {
            other(&mut neighbour, &sale("k1", 5)).await.unwrap();
        }
        assert_eq!(shop.rows(TRANSACTIONS).await, ["k0", "k1"], "{meanwhile}");
        assert_eq!(shop.rows(CASH).await, ["6"], "{meanwhile}");
        assert_eq!(shop.rows("SELECT count(*) FROM postings").await, ["4"], "{meanwhile}");
        // What comes after is decided on what is shown, and the key stays taken in the block.
        let twice = shop.fault(&begun("k1", 2)).await;
        assert!(
            matches!(twice.fault(), Fault::Rejected(Rejection::IdempotencyKeyConflict { .. })),
            "{meanwhile}: {twice:?}"
        );
        shop.rows("ROLLBACK TO s").await;
        assert_eq!(shop.rows(CASH).await, ["6"], "{meanwhile}");
        shop.all(&[&steps[0], &steps[1], &sale("k2", 2)]).await;
        assert_eq!(shop.rows(CASH).await, ["8"], "{meanwhile}");
        assert_eq!(shop.run("COMMIT").await.unwrap().tag, "COMMIT", "{meanwhile}");
        assert_eq!(shop.rows(TRANSACTIONS).await, ["k0", "k1", "k2"], "{meanwhile}");
        assert_eq!(shop.rows(CASH).await, ["8"], "{meanwhile}");
    }
}

#[tokio::test]
async fn a_key_used_meanwhile_for_other_content_fails_the_commit_of_what_is_assembled() {
    let mut shop = shop().await;
    let mut neighbour = shop.neighbour();
    shop.all(&["BEGIN", &begun("k1", 1), &legs(1, 5)]).await;
    other(&mut neighbour, &sale("k1", 7)).await.unwrap();
    assert_eq!(shop.rows(CASH).await, ["7"]);
    let conflict = shop.fault("COMMIT").await;
    assert!(
        matches!(conflict.fault(), Fault::Rejected(Rejection::IdempotencyKeyConflict { .. })),
        "{conflict:?}"
    );
    assert_eq!(shop.rows(CASH).await, ["7"]);
}
