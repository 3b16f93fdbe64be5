//! Bulk loads: groups of thousands, each one large frame of the log, whose events are read one by
//! one when they are out of memory.

use crate::fixture::*;
use std::sync::Arc;
use store::*;

const GROUPS: u64 = 12;
const GROUP_LEN: u64 = 2_000;

fn draft(number: u64) -> Draft {
    let mut draft = transfer("a", &format!("k{number}"), "cash", "sales", 1);
    if let Draft::PostTransaction(transaction) = &mut draft {
        transaction.tx_id = id(number);
        let text = "x".repeat((number % 500) as usize);
        let metadata = format!(r#"{{"n":{number},"text":"{text}"}}"#);
        transaction.metadata = JsonDocument::parse(&metadata).unwrap();
    }
    draft
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

fn load(ledger: &Ledger) {
    for group in 0..GROUPS {
        let drafts: Vec<Draft> = (group * GROUP_LEN..(group + 1) * GROUP_LEN).map(draft).collect();
        ledger.submit(&drafts).wait().unwrap();
        // A small frame between large ones.
        let alone = transfer("a", &format!("alone{group}"), "cash", "sales", 1);
        ledger.submit(&[alone]).wait().unwrap();
    }
}

/// Little memory: almost everything is read from the log.
fn evicting() -> Options {
    Options {
        memory_budget_bytes: 8 << 20,
        checkpoint_every_events: 1_000,
        idempotency_hot_cap: 100,
        clock: Arc::new(|| Timestamp(0)),
        ..Options::default()
    }
}

/// Every one of them by key and by id, in an order that jumps.
fn check_all(ledger: &Ledger, expected: &[Arc<Event>]) {
    let view = ledger.view();
    let count = GROUPS * GROUP_LEN;
    for step in 0..count {
        let number = step * 7_919 % count;
        // The opening events, the group itself, and those that stand alone before it.
        let event = &expected[(number + number / GROUP_LEN) as usize];
        let by_key = view.transaction_by_key("a", &format!("k{number}")).unwrap();
        assert_eq!(by_key.as_ref(), Some(event), "{number}");
        if number.is_multiple_of(10) {
            assert_eq!(
                view.transactions_by_id(id(number)).unwrap(),
                std::slice::from_ref(event),
                "{number}"
            );
        }
    }
    for group in 0..GROUPS {
        let alone = view.transaction_by_key("a", &format!("alone{group}")).unwrap();
        assert_eq!(alone.as_ref(), Some(&expected[((group + 1) * (GROUP_LEN + 1) - 1) as usize]));
    }
    // From the middle of one large frame into another one.
    let from = Seq(GROUP_LEN / 2);
    let some = view.events_from("a", from, GROUP_LEN as usize * 2).unwrap();
    let start = expected.partition_point(|event| event.seq < from);
    assert_eq!(some, expected[start..start + GROUP_LEN as usize * 2]);
}

#[test]
fn each_event_of_a_bulk_load_is_found_and_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_with(dir.path(), evicting()).unwrap();
    open_books(&ledger, &["a"]);
    load(&ledger);
    let mut expected: Vec<Arc<Event>> = all_events(&ledger);
    expected.retain(|event| matches!(event.body, EventBody::TransactionPosted(_)));
    assert_eq!(expected.len() as u64, GROUPS * (GROUP_LEN + 1));
    check_all(&ledger, &expected);
    drop(ledger);

    let ledger = Ledger::open_with(dir.path(), evicting()).unwrap();
    check_all(&ledger, &expected);
    let before = ledger.view().cut();
    // The same load again finds each of its transactions.
    load(&ledger);
    assert_eq!(ledger.view().cut(), before, "nothing was posted twice");
}
