//! What the benches post: transfers of whole cents between two accounts of a book.
//!
//! Names of books and accounts are made once and shared, as a caller that knows its accounts
//! would; the idempotency key and the id of every transaction are new.

use crate::Outcome;
use std::sync::Arc;
use store::{
    AccountKind, AccountOpening, AccountPath, Asset, AssetClass, AssetId, BookName, Direction,
    Draft, IdempotencyKey, JsonDocument, Ledger, PostingDraft, TransactionContent,
    TransactionDraft,
};

/// A book and its accounts.
#[derive(Debug, Clone)]
pub(crate) struct BenchBook {
    pub(crate) name: BookName,
    pub(crate) accounts: Vec<AccountPath>,
}

impl BenchBook {
    pub(crate) fn new(name: &str, accounts: usize) -> Outcome<Self> {
        let paths = (0..accounts).map(|number| AccountPath::new(&format!("acct:{number}")));
        Ok(BenchBook {
            name: BookName::user(name).map_err(|error| error.to_string())?,
            accounts: paths.collect::<Result<_, _>>().map_err(|error| error.to_string())?,
        })
    }

    pub(crate) fn openings(&self) -> Outcome<Vec<Draft>> {
        let asset = asset_id()?;
        let opening = |path: &AccountPath| Draft::OpenAccount {
            book: self.name.clone(),
            opening: Arc::new(AccountOpening {
                path: path.clone(),
                asset: asset.clone(),
                kind: AccountKind::Liability,
                min_balance: None,
                metadata: JsonDocument::default(),
            }),
        };
        Ok(self.accounts.iter().map(opening).collect())
    }

    /// A transfer between two accounts that `random` chooses.
    pub(crate) fn transfer(&self, ledger: &Ledger, key: &str, random: u64) -> Draft {
        let count = self.accounts.len() as u64;
        let debit = random % count;
        let credit = (debit + 1 + (random >> 32) % (count - 1)) % count;
        let leg = |account: u64, direction| PostingDraft {
            account: self.accounts[account as usize].clone(),
            asset: None,
            direction,
            amount: 1 + i128::from(random >> 20 & 0xFFFF),
        };
        Draft::PostTransaction(TransactionDraft {
            book: self.name.clone(),
            tx_id: ledger.new_tx_id(),
            idempotency_key: IdempotencyKey::new(key).expect("keys are digits and letters"),
            occurred_at: None,
            metadata: JsonDocument::default(),
            external_refs: JsonDocument::default(),
            content: TransactionContent::Postings(vec![
                leg(debit, Direction::Debit),
                leg(credit, Direction::Credit),
            ]),
        })
    }
}

fn asset_id() -> Outcome<AssetId> {
    Ok(AssetId::new("EUR").map_err(|error| error.to_string())?)
}

/// Registers the asset, if it is not yet, and opens the books' accounts.
pub(crate) fn open_books(ledger: &Ledger, books: &[BenchBook]) -> Outcome {
    let register = Draft::RegisterAsset(Arc::new(Asset {
        id: asset_id()?,
        class: AssetClass::Fiat,
        network: None,
        native_id: None,
        precision: 2,
        name: "Euro".to_owned(),
    }));
    ledger.submit(&[register]).wait()?;
    let groups: Outcome<Vec<Vec<Draft>>> = books.iter().map(BenchBook::openings).collect();
    for ticket in ledger.batch(&groups?) {
        ticket.wait()?;
    }
    Ok(())
}

/// Numbers without a pattern, the same in every run (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
