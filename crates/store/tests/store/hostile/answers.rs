//! What a ledger answers to all kinds of reads, as text: two ledgers that hold the same events
//! answer the same, wherever they take it from.

use super::sweep::sample;
use crate::sealed::rows;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use store::*;

/// How many old cuts, keys and ids are asked for, evenly, both ends included.
const CUTS: usize = 4;
const NAMES: usize = 5;

/// Answers about a ledger of these frames, at some of the cuts between them.
pub(crate) fn answers(ledger: &Ledger, frames: &[Frame]) -> BTreeSet<String> {
    let mut answers = BTreeSet::new();
    let mut asking = Asking { frames, answers: &mut answers };
    for place in sample(frames.len(), CUTS) {
        let Some(cut) = frames[place - 1].events.last().map(|event| event.lsn) else { continue };
        match ledger.view_at(cut) {
            Ok(Some(view)) => asking.ask(&view),
            other => asking.note(&format!("the cut {cut}"), other.err()),
        }
    }
    answers
}

/// The first answer that only one of two has.
pub(crate) fn difference(found: &BTreeSet<String>, due: &BTreeSet<String>) -> Option<String> {
    let (missing, other) = (due.difference(found).next(), found.difference(due).next());
    (missing.is_some() || other.is_some()).then(|| format!("due {missing:?}, found {other:?}"))
}

struct Asking<'a> {
    frames: &'a [Frame],
    answers: &'a mut BTreeSet<String>,
}

impl Asking<'_> {
    fn note(&mut self, question: &str, answer: impl Debug) {
        self.answers.insert(format!("{question}: {answer:?}"));
    }

    fn ask(&mut self, view: &View) {
        let cut = view.cut();
        self.note(&format!("{cut} assets"), view.assets());
        self.note(&format!("{cut} books"), view.books());
        self.note(&format!("{cut} accounts"), view.accounts(&Selection::default()));
        let frames = self.frames;
        let events = || frames.iter().flat_map(|frame| &frame.events);
        let mut accounts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for event in events() {
            if let EventBody::AccountOpened(opening) = &event.body {
                accounts.entry(event.book.as_str()).or_default().insert(opening.path.as_str());
            }
        }
        for (book, paths) in accounts {
            self.ask_book(view, book, &paths);
        }
        let posted: Vec<_> = events()
            .filter_map(|event| match &event.body {
                EventBody::TransactionPosted(transaction) => Some((event, transaction)),
                _ => None,
            })
            .collect();
        for place in sample(posted.len(), NAMES) {
            let (event, transaction) = posted[place - 1];
            let (key, id) = (transaction.idempotency_key.as_str(), transaction.tx_id);
            let by_key = view.transaction_by_key(event.book.as_str(), key);
            self.note(&format!("{cut} key {key}"), by_key);
            self.note(&format!("{cut} id {id}"), view.transactions_by_id(id));
        }
        self.ask_scans(view);
    }

    fn ask_book(&mut self, view: &View, book: &str, paths: &BTreeSet<&str>) {
        let cut = view.cut();
        self.note(&format!("{cut} {book} sums"), view.trial_balance(book));
        for (from, limit) in [(1, 1_000), (4, 3)] {
            let events = view.events_from(book, Seq(from), limit);
            self.note(&format!("{cut} {book} from {from}"), events);
            for path in paths {
                let page = view.account_history(book, path, Seq(from), limit);
                self.note(&format!("{cut} {book} {path} from {from}"), page);
            }
        }
    }

    fn ask_scans(&mut self, view: &View) {
        let cut = view.cut().0;
        let all = Selection::default();
        let cash = Some(PathSelection::exact("cash"));
        let of_account = Selection { book: Some("a".into()), path: cash, ..all.clone() };
        let middle = Selection { lsn: Some(cut / 3..=cut / 2), ..all.clone() };
        for (name, selection) in [("all", all), ("cash", of_account), ("middle", middle)] {
            let name = |table: &str| format!("{cut} {table} {name}");
            let postings = rows(&name("postings"), view, &selection, View::scan_postings, 0..12);
            let transactions =
                rows(&name("transactions"), view, &selection, View::scan_transactions, 0..11);
            self.answers.extend(postings);
            self.answers.extend(transactions);
        }
    }
}
