//! Random histories, reopened at random, against a model of plain maps.

use crate::fixture::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use store::*;

#[derive(Debug, Clone)]
enum Step {
    /// Transfers that commit together: book, key, amount, and whether money goes to `cash`.
    Group(Vec<(usize, u8, i128, bool)>),
    Reopen {
        crash: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let transfer = (0..3usize, 0..40u8, 1..100i128, any::<bool>());
    prop_oneof![
        8 => prop::collection::vec(transfer, 1..4).prop_map(Step::Group),
        1 => any::<bool>().prop_map(|crash| Step::Reopen { crash }),
    ]
}

const BOOKS: [&str; 3] = ["a", "b", "c"];

/// What a group would leave: the model of `cash` with a minimum of zero, and used keys.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    cash: BTreeMap<usize, i128>,
    keys: BTreeMap<(usize, u8), (i128, bool)>,
}

impl Model {
    fn try_group(&self, group: &[(usize, u8, i128, bool)]) -> Option<Model> {
        let mut after = self.clone();
        for (book, key, amount, incoming) in group {
            match after.keys.insert((*book, *key), (*amount, *incoming)) {
                Some(used) if used == (*amount, *incoming) => continue,
                Some(_) => return None,
                None => {}
            }
            let cash = after.cash.entry(*book).or_default();
            *cash += if *incoming { *amount } else { -*amount };
            if *cash < 0 {
                return None;
            }
        }
        Some(after)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_agrees_with_the_model(steps in prop::collection::vec(step(), 1..60)) {
        let options = Options { segment_bytes: 2_500, ..Options::default() };
        let mut dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open_with(dir.path(), options.clone()).unwrap();
        ledger.submit(&[asset("EUR")]).wait().unwrap();
        for book in BOOKS {
            let accounts = [
                account(book, "cash", AccountKind::Asset, Some(0)),
                account(book, "sales", AccountKind::Income, None),
            ];
            ledger.submit(&accounts).wait().unwrap();
        }
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Group(group) => {
                    let drafts: Vec<Draft> = group
                        .iter()
                        .map(|(book, key, amount, incoming)| {
                            let (debit, credit) =
                                if *incoming { ("cash", "sales") } else { ("sales", "cash") };
                            transfer(BOOKS[*book], &format!("k{key}"), debit, credit, *amount)
                        })
                        .collect();
                    let committed = ledger.submit(&drafts).wait().is_ok();
                    let expected = model.try_group(&group);
                    prop_assert_eq!(committed, expected.is_some(), "{:?}", group);
                    model = expected.unwrap_or(model);
                }
                Step::Reopen { crash: true } => {
                    let copy = crash_copy(dir.path());
                    drop(ledger);
                    dir = copy;
                    ledger = Ledger::open_with(dir.path(), options.clone()).unwrap();
                }
                Step::Reopen { crash: false } => {
                    drop(ledger);
                    ledger = Ledger::open_with(dir.path(), options.clone()).unwrap();
                }
            }
            let view = ledger.view();
            for (index, book) in BOOKS.iter().enumerate() {
                let expected = model.cash.get(&index).copied().unwrap_or_default();
                prop_assert_eq!(balance(&view, book, "cash"), expected);
                prop_assert_eq!(balance(&view, book, "sales"), -expected);
            }
        }
    }
}
