//! A page of an account's history is the part of its whole history that it says it is, wherever
//! the rows are; and a reader who does not wait for the disk is refused or answered the same.

use crate::fixture::*;
use store::*;

const TRANSFERS: u64 = 14_000;

fn filled(memory_budget_bytes: u64) -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        memory_budget_bytes,
        checkpoint_every_events: 3_000,
        idempotency_hot_cap: 640,
        ..Options::default()
    };
    let ledger = Ledger::open_with(dir.path(), options).unwrap();
    open_books(&ledger, &["a", "b"]);
    let groups: Vec<Vec<Draft>> = (0..TRANSFERS)
        .map(|index| {
            let book = if index % 3 == 0 { "a" } else { "b" };
            let (debit, credit) =
                if index % 5 == 0 { ("sales", "cash") } else { ("cash", "sales") };
            vec![transfer(book, &format!("k{index}"), debit, credit, 1 + i128::from(index))]
        })
        .collect();
    let mut waiting = groups;
    while !waiting.is_empty() {
        let mut refused = Vec::new();
        for chunk in waiting.chunks(500) {
            for (group, ticket) in chunk.iter().zip(ledger.batch(chunk)) {
                match ticket.wait() {
                    // Parts are not made as fast as that: later.
                    Err(CommitError::Busy { .. }) => refused.push(group.clone()),
                    written => drop(written.unwrap()),
                }
            }
        }
        waiting = refused;
    }
    ledger.checkpoint().unwrap();
    (dir, ledger)
}

/// The page as the whole history has it.
fn expected(
    view: &View,
    (book, path): (&str, &str),
    seqs: &std::ops::RangeInclusive<u64>,
    order: PageOrder,
    limit: usize,
) -> Vec<HistoryRow> {
    let mut rows = view.account_history(book, path, Seq(0), usize::MAX).unwrap();
    rows.retain(|row| row.seq.is_some_and(|seq| seqs.contains(&seq.0)));
    if order == PageOrder::NewestFirst {
        rows.reverse();
    }
    rows.truncate(limit);
    rows
}

#[test]
fn pages_are_parts_of_the_history() {
    for memory_budget_bytes in [1 << 20, 1 << 30] {
        let (_dir, ledger) = filled(memory_budget_bytes);
        let head = ledger.view().cut().0;
        let (mut refused, mut answered) = (0, 0);
        for cut in [3, 40, head / 2, head - 1, head] {
            let Some(view) = ledger.view_at(Lsn(cut)).unwrap() else { continue };
            for account in [("a", "cash"), ("b", "sales"), ("b", "none"), ("c", "cash")] {
                for (seqs, limit) in [
                    (0..=u64::MAX, 7),
                    (5..=5, 3),
                    (1_000..=4_000, 100),
                    (4_600..=u64::MAX, 50),
                    (9_200..=9_300, 1_000),
                    (u64::MAX..=u64::MAX, 1),
                ] {
                    for order in [PageOrder::OldestFirst, PageOrder::NewestFirst] {
                        let what = format!("{account:?} {seqs:?} {order:?} {limit} at {cut}");
                        let wanted = expected(&view, account, &seqs, order, limit);
                        let page = |view: &View| {
                            let page = view.account_page(account.0, account.1, &seqs, order, limit);
                            page.map(|page| page.map(|page| page.rows).unwrap_or_default())
                        };
                        assert_eq!(page(&view).unwrap(), wanted, "{what}");
                        match page(&view.clone().in_memory()) {
                            Ok(rows) => {
                                assert_eq!(rows, wanted, "{what}");
                                answered += 1;
                            }
                            Err(error) => {
                                assert_eq!(error, ReadError::NotInMemory, "{what}");
                                refused += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(answered > 100, "{answered}");
        // What is sealed and still held is read from memory.
        assert_eq!(refused > 0, memory_budget_bytes < 1 << 30, "{refused}");
    }
}

#[test]
fn names_and_events_are_found_in_memory_or_refused() {
    let (_dir, ledger) = filled(1 << 20);
    let view = ledger.view();
    let memory = view.clone().in_memory();
    let (mut refused, mut answered) = (0, 0);
    for index in (0..TRANSFERS).step_by(97) {
        let book = if index % 3 == 0 { "a" } else { "b" };
        let key = format!("k{index}");
        let event = view.transaction_by_key(book, &key).unwrap().unwrap();
        let found = [
            memory.transaction_by_key(book, &key).map(|found| found.into_iter().collect()),
            memory.event(book, event.seq).map(|found| found.into_iter().collect()),
        ];
        for found in found {
            match found {
                Ok::<Vec<_>, _>(events) => {
                    assert_eq!(events, std::slice::from_ref(&event), "{key}");
                    answered += 1;
                }
                Err(error) => {
                    assert_eq!(error, ReadError::NotInMemory, "{key}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 0 && answered > 0, "{refused} refused, {answered} answered");
}
